package unit

import (
	"fmt"
	"math/big"
	"strconv"
)

// ParseShare reads a part of a whole, 0..1: 0.1%, 5 %, 0.05.
func ParseShare(s string) (float64, error) {
	number, unit := split(s)
	v, ok := exact(number)
	if !ok || unit != "" && unit != "%" && unit != " %" {
		return 0, fmt.Errorf("%q is not a share: want one like 0.1%% or 0.001", s)
	}
	if unit != "" {
		v = new(big.Rat).Quo(v, new(big.Rat).SetInt64(100))
	}
	if exceeds(v, 1) {
		return 0, fmt.Errorf("%q is more than all: the legal range is 0..1 or 0%%..100%%", s)
	}
	share, _ := v.Float64()
	return share, nil
}

// Share is the value of a flag for a part of a whole, 0..1.
type Share float64

// NewShare is the flag of a share that is kept in p, which gets the default.
func NewShare(p *float64, value float64) *Share {
	*p = value
	return (*Share)(p)
}

// String writes the share so that Set reads it back.
func (s *Share) String() string {
	if s == nil {
		return "0"
	}
	return strconv.FormatFloat(float64(*s), 'f', -1, 64)
}

// Set reads a share.
func (s *Share) Set(text string) error {
	v, err := ParseShare(text)
	if err == nil {
		*s = Share(v)
	}
	return err
}

// Type names the kind of value in a program's help.
func (*Share) Type() string { return "share" }

// Percent writes a share: 99.7 %. It rounds neither up to all nor down to none.
func Percent(share float64) string {
	switch p := 100 * share; {
	case p > 99.9 && p < 100:
		return "> 99.9 %"
	case p > 0 && p < 0.1:
		return "< 0.1 %"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
}

// WholePercent writes a share that is not known any better: 47 %.
func WholePercent(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) + " %" }

// Change writes by which share a figure changed: +4.2 %, -0.3 %.
func Change(share float64) string {
	if s := strconv.FormatFloat(100*share, 'f', 1, 64); s != "-0.0" {
		return map[bool]string{true: "+", false: ""}[share >= 0] + s + " %"
	}
	return "+0.0 %"
}
