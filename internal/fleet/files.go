package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Send gives every agent the contents of files that the command lines of Look and
// Prepare name. It is called before those, once.
func (l *Lead) Send(ctx context.Context, files Files) error {
	l.sums = map[string]string{}
	for name, contents := range files {
		l.sums[name] = sumOf([]byte(contents))
	}
	err := l.each(l.living(), func(m *member) error {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := l.sendFile(ctx, m, name, files[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = l.whole()
	}
	return first(err)
}

// sendFile sends a file part by part. What has come already is not sent again.
func (l *Lead) sendFile(ctx context.Context, m *member, name, contents string) error {
	for from := 0; from < len(contents); {
		part := contents[from:min(len(contents), from+partSize)]
		a, err := l.askFor(ctx, m, "file", order{File: name, Size: int64(len(contents)), From: int64(from),
			Part: []byte(part)}, partTime)
		if err == nil {
			err = m.said(a)
		}
		if err != nil {
			return err
		}
		if a.Size <= int64(from) || a.Size > int64(len(contents)) {
			return &AgentError{Agent: m.label, Text: fmt.Sprintf("it has %d bytes of file %s after %d were sent",
				a.Size, name, from+len(part))}
		}
		from = int(a.Size)
	}
	return nil
}

// take keeps a part of a file, and says how much of it is there.
func (j *stint) take(o order) (there int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	have, known := j.files[o.File]
	all := o.Size
	for name, b := range j.files {
		if name != o.File {
			all += int64(cap(b))
		}
	}
	switch there = int64(len(have)); {
	case j.started || j.stopped:
		return 0, errStopped
	case o.File == "" || !known && len(j.files) == mostFiles:
		return 0, fmt.Errorf("%w: file %q, %d are there", errForm, o.File, len(j.files))
	case o.From > there || there > o.Size || o.From+int64(len(o.Part)) > o.Size:
		return 0, fmt.Errorf("%w: bytes from %d on of file %s, of which %d are there", errForm, o.From, o.File, there)
	case all > MaxFiles:
		return 0, fmt.Errorf("files of %d bytes, at most %d are legal", all, MaxFiles)
	}
	if !known {
		have = make([]byte, 0, o.Size)
	}
	have = append(have, o.Part[min(there-o.From, int64(len(o.Part))):]...) // less what came before
	j.files[o.File] = have
	return int64(len(have)), nil
}

// given are the files that an order names.
func (j *stint) given(sums map[string]string) (Files, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.whole(sums)
}

// whole wants each of them to be what was sent; the lock is held.
func (j *stint) whole(sums map[string]string) (Files, error) {
	files := Files{}
	for name, sum := range sums {
		b := j.files[name]
		if sumOf(b) != sum {
			return nil, fmt.Errorf("%w: %d bytes of file %.64q came, and they are not those that were sent", errForm,
				len(b), name)
		}
		files[name] = string(b)
	}
	return files, nil
}

// sumOf is the SHA-256 of a file, in hex.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
