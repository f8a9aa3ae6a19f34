package shard

import (
	"fmt"
	"io"
	"os"

	"github.com/c10m/c10m/internal/sys"
)

// Workers must know the private key, which must not be in /proc/PID/cmdline: they read
// it from memory that they inherit (memfd_create(2)). That memory is in no directory,
// and a worker that is restarted reads it again.

func secretFile(b []byte) (*os.File, error) {
	f, err := sys.SharedMemory("c10m-secrets", len(b))
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("write what workers are told: %w", err)
	}
	return f, nil
}

// InheritSecrets reads the supervisor's Secrets.
func InheritSecrets() ([]byte, error) {
	f := os.NewFile(secretsFD, "secrets")
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30)) // workers share its offset
	if err != nil {
		return nil, fmt.Errorf("read what the supervisor has told: %w", err)
	}
	return b, nil
}
