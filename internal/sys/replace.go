package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ReplaceFile makes path hold content so that after a crash it holds the old or
// the new content, whole. A file that is there keeps its mode and owner, a new
// one gets mode. The content is written to a file without a name (open(2)
// O_TMPFILE), which the kernel drops if the process dies; only between link and
// rename does it have the name of TemporaryOf. Two processes must not replace
// the same file at once. Links are for the caller to follow.
func ReplaceFile(path string, content []byte, mode fs.FileMode) error {
	if err := replaceFile(path, content, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// TemporaryOf is the name that ReplaceFile's new content has for a moment.
func TemporaryOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".c10m-new")
}

func replaceFile(path string, content []byte, mode fs.FileMode) error {
	var old unix.Stat_t
	err := unix.Stat(path, &old)
	exists := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return os.NewSyscallError("stat", err)
	}
	if exists && old.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("not a regular file")
	}
	if exists && old.Nlink > 1 {
		return writeInPlace(path, content) // a rename would part it from its other names
	}
	f, named, err := newFile(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if exists {
		mode = fs.FileMode(old.Mode & 0o7777)
		err = errors.Join(err, f.Chown(int(old.Uid), int(old.Gid)))
	}
	// fchmod(2) as it is, because os.File.Chmod has bits of its own for setuid
	// and sticky; and after fchown(2), which clears them.
	err = errors.Join(err, os.NewSyscallError("fchmod", unix.Fchmod(int(f.Fd()), uint32(mode))), f.Sync())
	temporary := TemporaryOf(path)
	if err == nil && !named {
		err = giveName(f, temporary)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// newFile opens a file without a name in path's directory, or, where the file
// system has no O_TMPFILE, one that is named already.
func newFile(path string) (f *os.File, named bool, err error) {
	temporary := TemporaryOf(path)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err // of a crash just before its rename
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), temporary), false, nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) {
		return nil, false, os.NewSyscallError("open", err)
	}
	f, err = os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return f, true, err
}

// giveName links an O_TMPFILE into its directory, as open(2) shows it.
func giveName(f *os.File, name string) error {
	self := "/proc/thread-self/fd/" + strconv.Itoa(int(f.Fd()))
	return os.NewSyscallError("linkat", unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW))
}

func writeInPlace(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", path, err)
	}
	return nil
}
