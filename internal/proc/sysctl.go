package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Sysctl reads a setting by its dotted name, /proc/sys. An interface whose name
// has a dot itself (eth0.5) is written with a slash there, see sysctl.d(5).
func (p FS) Sysctl(key string) (string, error) {
	name := strings.NewReplacer(".", "/", "/", ".").Replace(key)
	b, err := os.ReadFile(filepath.Join(p.root, "sys", name))
	if err != nil {
		return "", fmt.Errorf("read sysctl %s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// SysctlInt reads a setting that is one number.
func (p FS) SysctlInt(key string) (int64, error) {
	s, err := p.Sysctl(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read sysctl %s: %q is not a number", key, s)
	}
	return n, nil
}

// BootID is /proc/sys/kernel/random/boot_id: equal on both ends means that
// they are one kernel. It says nothing of their namespaces, see Namespaces.
func (p FS) BootID() (string, error) { return p.Sysctl("kernel.random.boot_id") }
