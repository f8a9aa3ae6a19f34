package sys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c10m/c10m/internal/unit"
)

// pipeTime is how long a pipe may bring nothing.
const pipeTime = 10 * time.Second

// ReadFile is what is in a file that a user has named, if that is at most so many
// bytes. What is larger is refused before it is read, and so is what has no end or no
// contents: a device, a directory, a socket. A pipe is read, as a shell's <(command)
// is one, but a named one to which nobody writes is not waited for, as open(2) would.
// The error begins with the name.
func ReadFile(name string, most int64) (string, error) {
	said, err := readFile(name, most)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return said, nil
}

func readFile(name string, most int64) (string, error) {
	info, err := os.Stat(name)
	if err == nil {
		err = readable(info, most)
	}
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err == nil { // it may be another one by now
		err = readable(info, most)
	}
	if err != nil {
		return "", err
	}
	in := &bounded{f: f, left: most + 1, isPipe: info.Mode()&fs.ModeNamedPipe != 0}
	in.wait()
	var b strings.Builder
	b.Grow(int(info.Size()))
	n, err := io.Copy(&b, in)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("is a pipe that brings nothing for %v", pipeTime)
	case err != nil:
		return "", err
	case n > most: // it grows, or does not know its size
		return "", fmt.Errorf("more than %s, which is the most that is legal", unit.Bytes(float64(most)))
	case n == 0 && in.isPipe:
		return "", errors.New("is a pipe to which nobody writes")
	}
	return b.String(), nil
}

// bounded reads a file up to a bound, and waits for a pipe as long as that brings
// something.
type bounded struct {
	f      *os.File
	left   int64
	isPipe bool
}

func (r *bounded) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	r.wait()
	return n, err
}

func (r *bounded) wait() {
	if r.isPipe {
		_ = r.f.SetReadDeadline(time.Now().Add(pipeTime)) // every pipe can be polled, epoll(7)
	}
}

// readable refuses what cannot be read whole, or is too large.
func readable(info fs.FileInfo, most int64) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errors.New("is a directory")
	case mode&fs.ModeDevice != 0:
		return errors.New("is a device: want a file or a pipe")
	case mode&fs.ModeSocket != 0:
		return errors.New("is a socket: want a file or a pipe")
	case info.Size() > most:
		return fmt.Errorf("%s, more than the %s that are legal", unit.Bytes(float64(info.Size())),
			unit.Bytes(float64(most)))
	}
	return nil
}
