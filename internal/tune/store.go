package tune

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// SavedSchema is the format of the state file. A file of another format is refused.
const SavedSchema = "c10m/tuning/1"

// DefaultStateFile is where the old values are kept.
const DefaultStateFile = "/var/lib/c10m/tuning.state"

// mostSaved bounds the state file, which has the old contents of a few small ones.
const mostSaved = 16 << 20

// Saved is the content of the state file: everything as it was before the first apply.
type Saved struct {
	Schema string       `json:"schema"`
	At     time.Time    `json:"at"`
	BootID string       `json:"boot_id,omitempty"` // the boot that Values belong to
	Values []SavedValue `json:"values"`
	Files  []SavedFile  `json:"files,omitempty"`
	Dirs   []string     `json:"dirs,omitempty"` // directories that apply made, outermost first
}

// SavedValue is a setting before it was first changed.
type SavedValue struct {
	Key string `json:"setting"`
	Old string `json:"old"`
	New string `json:"new"`
	// The network namespace that the value belongs to, if Scope is Namespace.
	NetNS  string `json:"net_namespace,omitempty"`
	Cookie string `json:"net_cookie,omitempty"`
}

// namespace identifies a network namespace by its name, which contains its inode, and
// by its cookie. The kernel reuses inodes of namespaces that have ended, but never a
// cookie until the next boot.
type namespace struct{ name, cookie string }

func namespaceOf(st State) namespace {
	get := readerOf(st)
	return namespace{get(KeyNetNS), get(KeyNetCookie)}
}

func (v SavedValue) namespace() namespace { return namespace{v.NetNS, v.Cookie} }

// same compares the cookies where both are known (Linux 5.14), otherwise the names.
func (n namespace) same(other namespace) bool {
	if n.cookie != "" && other.cookie != "" {
		return n.cookie == other.cookie
	}
	return n.name == other.name
}

// SavedFile is a file before it was first written; Old is nil if there was none.
type SavedFile struct {
	Path    string  `json:"path"`
	Old     *string `json:"old"`
	Written string  `json:"written,omitempty"` // the hash of what apply wrote
}

// hash is the digest by which a file is recognized as what apply wrote.
func hash(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

// empty says whether there is nothing left to restore.
func (s Saved) empty() bool { return len(s.Values) == 0 && len(s.Files) == 0 && len(s.Dirs) == 0 }

// Store is the state file at Path.
type Store struct{ Path string }

// Load reads the state file. If there is none it returns an empty Saved.
func (s Store) Load() (Saved, error) {
	text, err := sys.ReadFile(s.Path, mostSaved)
	if errors.Is(err, fs.ErrNotExist) {
		return Saved{Schema: SavedSchema}, nil
	}
	if err != nil {
		return Saved{}, fmt.Errorf("read state file: %w", err)
	}
	var saved Saved
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return Saved{}, fmt.Errorf("read state file %s: %w", s.Path, err)
	}
	if saved.Schema != SavedSchema {
		return Saved{}, fmt.Errorf("read state file %s: schema %q, want %q", s.Path, saved.Schema, SavedSchema)
	}
	for _, v := range saved.Values {
		if set, ok := Lookup(v.Key); !ok || !set.Writable() {
			return Saved{}, fmt.Errorf("read state file %s: %q is no setting of ours", s.Path, v.Key)
		}
	}
	return saved, nil
}

// save writes the state file, or removes it when nothing is left in it.
func (s Store) save(saved Saved) error {
	if saved.empty() {
		if err := os.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove state file: %w", err)
		}
		return nil
	}
	b, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return fmt.Errorf("make directory of state file: %w", err)
	}
	return sys.ReplaceFile(follow("/", s.Path), append(b, '\n'), 0o600)
}

// Remember adds old values to the file, before any of them is changed. A value that was
// saved earlier stays, because that is the original one.
func (s *Store) Remember(st State, values []SavedValue) error {
	saved, err := s.Load()
	if err != nil {
		return err
	}
	boot := readerOf(st)(KeyBootID)
	saved.forgetOtherBoot(boot)
	saved.BootID = boot
	if saved.At.IsZero() {
		saved.At = time.Now().UTC().Truncate(time.Second)
	}
	for _, v := range values {
		if i := saved.find(v); i >= 0 {
			saved.Values[i].New = v.New
			continue
		}
		saved.Values = append(saved.Values, v)
	}
	return s.save(saved)
}

func (s Saved) find(v SavedValue) int {
	for i, have := range s.Values {
		if have.Key == v.Key && (have.NetNS == "") == (v.NetNS == "") && have.namespace().same(v.namespace()) {
			return i
		}
	}
	return -1
}

// forgetOtherBoot drops the values of an earlier boot, and returns how many. The reboot
// has undone them, except where our own files (--persist) have set them again. Values
// of network namespaces other than the first are gone in any case.
func (s *Saved) forgetOtherBoot(boot string) (dropped int) {
	if boot == "" || s.BootID == "" || boot == s.BootID {
		return 0
	}
	var kept []SavedValue
	for _, v := range s.Values {
		if len(s.Files) > 0 && (v.NetNS == "" || v.NetNS == InitialNetNS) {
			v.Cookie = "" // cookies are those of one boot
			kept = append(kept, v)
		}
	}
	dropped = len(s.Values) - len(kept)
	s.Values = kept
	return dropped
}
