package tune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Root is the State of a machine whose root directory is Dir ("/" is this
// one): /proc/sys for sysctls, and a few files of /proc and /sys for the rest.
type Root struct{ Dir string }

// sysctlPath is where a sysctl key lives, see proc_sys(5).
func (r Root) sysctlPath(key string) string {
	return filepath.Join(r.Dir, "proc/sys", strings.ReplaceAll(key, ".", "/"))
}

// Get reads a sysctl or one of the Key constants.
func (r Root) Get(key string) (string, error) {
	switch key {
	case KeyNofileSoft, KeyNofileHard:
		return r.nofile(key)
	case KeyTHP:
		return r.transparentHugepage()
	case KeySlabWaste:
		return r.slabWaste()
	case KeyCaps:
		return r.capEff()
	case KeyNetNS:
		return r.netNamespace()
	case KeyNetCookie:
		return r.netCookie()
	}
	return readFile(r.sysctlPath(key))
}

// Set writes a sysctl. The newline matters: an empty value without it would
// be no write(2) at all, and a list of ports could not be emptied.
func (r Root) Set(key, value string) error {
	switch key {
	case KeyNofileSoft, KeyNofileHard, KeyTHP, KeySlabWaste, KeyCaps, KeyNetNS, KeyNetCookie:
		return ErrFixed
	}
	f, err := os.OpenFile(r.sysctlPath(key), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return plain(err)
	}
	_, err = f.WriteString(value + "\n")
	return plain(errors.Join(err, f.Close()))
}

// readFile reads one file of /proc or /sys without its last newline.
func readFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", plain(err)
	}
	return strings.TrimRight(string(b), "\n"), nil
}

// plain puts the errors that users meet here into words.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ErrAbsent
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("/proc/sys is mounted read-only (a container?): %w", syscall.EROFS)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("run as root, in the machine's own namespaces: %w", fs.ErrPermission)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("the kernel refuses the value: %w", syscall.EINVAL)
	}
	return err
}
