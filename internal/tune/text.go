package tune

import (
	"fmt"
	"io"
	"strings"
)

// width of everything that is written for people.
const width = 100

// WriteCheck writes the table of a check: a line per setting, and below it why
// it matters. all also explains the rows that are ok.
func WriteCheck(w io.Writer, rows []Row, all bool) error {
	const keyWidth, statusWidth, valueWidth = 34, 11, 24
	var b strings.Builder
	line := func(status, key, now, want string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %-*s  %s", statusWidth, status, keyWidth, key,
			valueWidth, clip(now, valueWidth), clip(want, valueWidth)), " ") + "\n")
	}
	line("STATE", "SETTING", "NOW", "WANTED")
	for _, r := range rows {
		now := quoteEmpty(r.Now)
		if r.Status == Unreadable || r.Status == Absent {
			now = "-"
		}
		line(string(r.Status), r.Key, now, wantText(r.setting.Kind, r.Want))
		var below []string
		if r.Note != "" {
			below = append(below, r.Note)
		}
		if r.Boot != "" {
			below = append(below, "boot: "+r.Boot)
		}
		if all || r.Status != OK {
			below = append(below, "why: "+r.Why)
		}
		if r.Status == Low || r.Status == Advised {
			below = append(below, "hurts: "+r.TooLow)
		}
		if r.Cure != "" {
			below = append(below, "cure: "+r.Cure)
		}
		for _, text := range below {
			for _, l := range wrap(text, width-statusWidth-2) {
				b.WriteString(strings.Repeat(" ", statusWidth+2) + l + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteReport writes what Apply or Revert did, or would do.
func WriteReport(w io.Writer, rep Report, dry bool) error {
	var b strings.Builder
	verb := ""
	if dry {
		verb = "would change "
	}
	for _, c := range rep.Done {
		if c.Old == "" && c.New == "written" {
			fmt.Fprintf(&b, "%s%s: %s\n", verb, c.Key, c.New)
			continue
		}
		fmt.Fprintf(&b, "%s%s: %s -> %s\n", verb, c.Key, quoteEmpty(c.Old), quoteEmpty(c.New))
	}
	for _, c := range rep.NotDone {
		fmt.Fprintf(&b, "NOT DONE %s: %s -> %s: %s\n", c.Key, quoteEmpty(c.Old), quoteEmpty(c.New), c.Reason)
		if c.Cure != "" {
			fmt.Fprintf(&b, "         cure: %s\n", c.Cure)
		}
	}
	for _, c := range rep.Advice {
		fmt.Fprintf(&b, "advice   %s is %s, better %s: %s\n", c.Key, c.Old, strings.ReplaceAll(c.New, "|", " or "), c.Cure)
	}
	for _, n := range rep.Notes {
		b.WriteString("note     " + n + "\n")
	}
	if len(rep.Done)+len(rep.NotDone) == 0 {
		b.WriteString("nothing to change\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wantText shows a wanted value to people.
func wantText(k Kind, want string) string {
	switch k {
	case Choice:
		return strings.ReplaceAll(want, "|", " or ")
	case AtMost:
		return "at most " + want
	case Triple:
		return strings.TrimPrefix(strings.TrimPrefix(want, "0 "), "0 ")
	}
	return want
}

// quoteEmpty shows an empty value as such.
func quoteEmpty(s string) string {
	if s == "" {
		return "(empty)"
	}
	return s
}

// clip shortens what would break the columns; --json has the whole.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}

// wrap breaks text into lines of at most n bytes, between words.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
