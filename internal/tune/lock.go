package tune

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// lockPatience is how long Lock waits for another apply or revert, which takes
// milliseconds.
const lockPatience = time.Minute

// Lock makes this the only apply or revert on the machine until unlock is called. Two
// at once could each save a value that the other has already written as the old one,
// and the smaller value could be written last. The lock is flock(2) on the directory
// /proc/sys, which every system has and where no lock file is left behind, and on the
// directory of the state file, which two containers may share. Lock also removes
// temporary files that a crash may have left beside the files that it guards.
func Lock(ctx context.Context, root string, s *Store) (unlock func(), err error) {
	dirs := []string{filepath.Join(root, "proc/sys")}
	files := []string{SysctlFile, ModprobeFile, LimitsFile, SystemFile, UserFile}
	for i := range files {
		files[i] = follow(root, filepath.Join(root, files[i]))
	}
	if s.Path != "" {
		dirs = append(dirs, filepath.Dir(s.Path))
		files = append(files, s.Path)
	}
	var held []*os.File
	unlock = func() {
		for _, f := range held {
			_ = f.Close() // ends the lock as well
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for _, dir := range dirs {
		f, err := lockDir(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // nothing is there to be written, or not by us
		}
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, f)
	}
	for _, path := range files {
		_ = os.Remove(sys.TemporaryOf(path)) // none, as a rule
	}
	return unlock, nil
}

// lockDir takes an exclusive flock(2) on a directory.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory to lock: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("flock %s: %w", dir, err), f.Close())
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fmt.Errorf("flock %s: another apply or revert has held it for %v; lslocks(8) names it", dir,
					lockPatience)
			}
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
