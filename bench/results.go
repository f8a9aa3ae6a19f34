package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of `make results`, from the repository's root.
const (
	kept  = "results/compare.json"
	text  = "RESULTS.md"
	plots = "docs/plots"
)

// writeResults writes the parts of RESULTS.md between its markers, and the
// plots, from the comparison and the labs that the repository keeps.
func writeResults(root string) error {
	c, err := readFile(filepath.Join(root, kept))
	if err != nil {
		return err
	}
	if strings.HasSuffix(c.Host.Commit, "-dirty") {
		return fmt.Errorf("%s was measured with changes that no commit has (%s): commit them and measure again", kept,
			c.Host.Commit)
	}
	sumUp(c.Servers, floor)
	sumUp(c.Clients, ours)
	name := filepath.Join(root, text)
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	tables, err := labParts(filepath.Join(root, filepath.Dir(kept)))
	if err != nil {
		return err
	}
	pasted, err := pastedParts(filepath.Join(root, filepath.Dir(kept)))
	if err != nil {
		return err
	}
	page, err := fill(string(b), slices.Concat(parts(c), tables, pasted))
	if err != nil {
		return fmt.Errorf("write %s: %w", text, err)
	}
	dir := filepath.Join(root, plots)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range drawings(c) {
		d.bars.Standalone = true
		if err := os.WriteFile(filepath.Join(dir, d.name+".svg"), []byte(d.bars.SVG()), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(name, []byte(page), 0o644)
}

// pastedParts are the tables that bench.sh and profile.sh have written, as they are.
func pastedParts(dir string) (all []part, err error) {
	for _, name := range []string{"bench", "profile"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".md"))
		if err != nil {
			return nil, err
		}
		all = append(all, part{name, string(b)})
	}
	return all, nil
}

// part is what stands between two markers.
type part struct{ name, content string }

func parts(c *Comparison) []part {
	all := []part{{"compare-conditions", conditions(c)}}
	for _, p := range protocols(c) {
		all = append(all, part{"compare-" + p.proto, serverPart(c, p).Markdown() + images(c, "compare-"+p.proto)})
	}
	if len(c.Clients) > 0 {
		all = append(all, part{"compare-clients", clientPart(c).Markdown() + images(c, "compare-clients")})
	}
	return append(all, part{"compare-about", aboutPart(c).Markdown()})
}

// images links the plots of a section.
func images(c *Comparison, prefix string) string {
	var b strings.Builder
	for _, d := range drawings(c) {
		if strings.HasPrefix(d.name, prefix+"-") {
			fmt.Fprintf(&b, "\n![%s](%s/%s.svg)\n", d.bars.Title, plots, d.name)
		}
	}
	return b.String()
}

// fill replaces what stands between <!-- begin NAME --> and <!-- end NAME -->.
func fill(page string, all []part) (string, error) {
	for _, p := range all {
		begin, end := "<!-- begin "+p.name+" -->\n", "<!-- end "+p.name+" -->"
		head, rest, ok := strings.Cut(page, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return "", fmt.Errorf("the markers %s and %s are missing", strings.TrimSpace(begin), end)
		}
		page = head + begin + strings.TrimRight(p.content, "\n") + "\n" + end + tail
	}
	return page, nil
}
