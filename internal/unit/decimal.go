package unit

import (
	"math/big"
	"strings"
)

// maxDigits bounds what is read exactly; no quantity needs more.
const maxDigits = 40

// split parts a quantity into its number and the unit behind it.
func split(text string) (number, unit string) {
	end := 0
	for end < len(text) && strings.IndexByte("0123456789._", text[end]) >= 0 {
		end++
	}
	return text[:end], text[end:]
}

// exact reads a decimal number without a sign: 10, 4.1, 10_000. It is exact: in
// binary floating point 16.1 times 1000 is not 16100.
func exact(number string) (*big.Rat, bool) {
	if len(number) > maxDigits || strings.Count(number, ".") > 1 {
		return nil, false
	}
	for i := range len(number) {
		if number[i] != '.' && number[i] != '_' {
			continue
		}
		if i == 0 || i == len(number)-1 || !isDigit(number[i-1]) || !isDigit(number[i+1]) {
			return nil, false
		}
	}
	return new(big.Rat).SetString(strings.ReplaceAll(number, "_", ""))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// times multiplies an exact number by a whole factor.
func times(v *big.Rat, factor int64) *big.Rat {
	return new(big.Rat).Mul(v, new(big.Rat).SetInt64(factor))
}

// exceeds says whether v is above limit.
func exceeds(v *big.Rat, limit int64) bool { return v.Cmp(new(big.Rat).SetInt64(limit)) > 0 }

// floor is the whole part of a number that is not negative and fits.
func floor(v *big.Rat) int64 { return new(big.Int).Quo(v.Num(), v.Denom()).Int64() }
