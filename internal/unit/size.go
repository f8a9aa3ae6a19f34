package unit

import (
	"fmt"
	"math"
	"strconv"
)

// MaxSize is the largest Size: 1 PiB.
const MaxSize = 1 << 50

// octets are the units of sizes. Single letters are binary, as dd(1), ulimit and
// systemd have them; names that end in B without an i are decimal, as the SI and
// the makers of disks have them.
var octets = map[string]int64{
	"": 1, "B": 1,
	"k": 1 << 10, "K": 1 << 10, "m": 1 << 20, "M": 1 << 20, "g": 1 << 30, "G": 1 << 30, "t": 1 << 40, "T": 1 << 40,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
}

// ParseSize reads bytes: 65536, 65_536, 64k, 64KiB, 1M, 1.5MiB, 1GB. A fraction
// of a larger unit is rounded down to whole bytes.
func ParseSize(s string) (int64, error) {
	number, unit := split(s)
	v, ok := exact(number)
	factor, known := octets[unit]
	if !ok || !known || factor == 1 && !v.IsInt() {
		return 0, fmt.Errorf("%q is not a size in bytes: want one like 65536, 64k or 64KiB (binary), 1GB (decimal)", s)
	}
	v = times(v, factor)
	if exceeds(v, MaxSize) {
		return 0, fmt.Errorf("%q is too large: the legal range is 0..%s", s, Bytes(MaxSize))
	}
	return floor(v), nil
}

// Size is the value of a flag for bytes.
type Size int64

// String writes the size so that Set reads it back, in the largest unit that
// leaves it whole.
func (s *Size) String() string {
	if s == nil {
		return "0"
	}
	n, unit := int64(*s), ""
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}

// Set reads a size of 0..MaxSize bytes.
func (s *Size) Set(text string) error {
	n, err := ParseSize(text)
	if err == nil {
		*s = Size(n)
	}
	return err
}

// Type names the kind of value in a program's help.
func (*Size) Type() string { return "size" }

// Bytes writes n with a binary unit (KiB = 2^10): 512 B, 1.5 KiB, 84.0 GiB.
func Bytes(n float64) string {
	if n < 0 {
		return signed(n, Bytes)
	}
	if n < 1023.5 {
		return strconv.FormatFloat(n, 'f', 0, 64) + " B"
	}
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	n /= 1024
	for n >= 1023.95 && len(units) > 1 { // 1023.95 would be rounded to 1024.0
		n, units = n/1024, units[1:]
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[0]
}

// PerConn writes bytes a connection, which are compared with each other to the
// byte: 23.9 B or 8,283 B.
func PerConn(b float64) string {
	switch {
	case b < 0:
		return signed(b, PerConn)
	case b < 99.95:
		return strconv.FormatFloat(b, 'f', 1, 64) + " B"
	case b >= math.MaxInt64/2:
		return Bytes(b)
	}
	return Commas(int64(b+0.5)) + " B"
}
