package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxSize is the largest Size.
const MaxSize = 1 << 40

// Size is a flag.Value for bytes: 65536, 65_536, 64k, 64KiB, 1M, 1.5MiB. Unlike
// counts, sizes are binary, as dd(1) and ulimit have them: k = 1,024.
type Size int64

// String writes the size so that Set reads it back, in the largest unit that
// leaves it whole.
func (s *Size) String() string {
	if s == nil {
		return "0"
	}
	n, unit := int64(*s), ""
	for _, u := range []string{"k", "M", "G"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return strconv.FormatInt(n, 10) + unit
}

// Set reads a size of 0..MaxSize bytes.
func (s *Size) Set(text string) error {
	digits, factor := text, 1.0
	for _, u := range units {
		if d, ok := strings.CutSuffix(text, u.name); ok {
			digits, factor = d, u.bytes
			break
		}
	}
	bad := fmt.Errorf("%q is not a size in bytes: want one like 65536, 64k, 64KiB or 1M", text)
	if digits == "" || strings.Trim(digits, "0123456789._") != "" || digits[0] == '_' || digits[0] == '.' {
		return bad
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	if err != nil {
		return bad
	}
	v *= factor
	if v != float64(int64(v)) {
		return bad
	}
	if v > MaxSize {
		return fmt.Errorf("%q is too large: the legal range is 0..%d bytes", text, int64(MaxSize))
	}
	*s = Size(v)
	return nil
}

// units are what a size may end with, longer names first.
var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1},
}
