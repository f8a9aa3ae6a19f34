package cli

import "strings"

// Nearest is the name that somebody who typed word most likely meant, "" if none
// is near: the one with the fewest letters to change, at most a third of them,
// or one that begins with it: of several the shortest, if word has three letters.
func Nearest(word string, names []string) string {
	if word == "" {
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	begins, several := "", false
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
		if strings.HasPrefix(name, word) {
			several = several || begins != ""
			if begins == "" || len(name) < len(begins) {
				begins = name
			}
		}
	}
	if best == "" && (!several || len(word) >= 3) {
		return begins
	}
	return best
}

// distance is how many letters must be inserted, removed, replaced or swapped
// with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
