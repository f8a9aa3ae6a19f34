package stat

// LeastChance is the smallest chance that Differ can find for samples of n and m
// values: that of two of which every value of one is above all of the other. Two
// samples for which it is not small cannot be told apart, whatever they hold.
func LeastChance(n, m int) float64 {
	if n < 1 || m < 1 {
		return 1
	}
	ways := 1.0 // n out of n + m
	for i := range n {
		ways = ways * float64(n+m-i) / float64(i+1)
	}
	return min(1, 2/ways)
}
