package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// TransparentHugepage is the chosen word of
// /sys/kernel/mm/transparent_hugepage/enabled: "always [madvise] never".
func (p FS) TransparentHugepage() (string, error) {
	b, err := os.ReadFile(filepath.Join(p.kernel, "mm", "transparent_hugepage", "enabled"))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(b), "[")
	word, _, ok := strings.Cut(rest, "]")
	if !ok {
		return "", fmt.Errorf("read transparent_hugepage/enabled: nothing is chosen in %q", strings.TrimSpace(string(b)))
	}
	return word, nil
}

// SlabWaste is the share of each slab of a cache that no object fits into any more,
// from /sys/kernel/slab/NAME.
func (p FS) SlabWaste(name string) (share float64, err error) {
	var order, objects, size uint64
	for _, one := range []struct {
		file string
		to   *uint64
	}{{"order", &order}, {"objs_per_slab", &objects}, {"slab_size", &size}} {
		if *one.to, err = readUint(filepath.Join(p.kernel, "slab", name, one.file)); err != nil {
			return 0, err
		}
	}
	if order > 20 {
		return 0, fmt.Errorf("read slab %s/order: %d is no page order", name, order)
	}
	all := p.page << order
	if objects > all || size > all || objects*size > all {
		return 0, fmt.Errorf("read slab %s: %d objects of %d bytes do not fit into %d", name, objects, size, all)
	}
	return float64(all-objects*size) / float64(all), nil
}
