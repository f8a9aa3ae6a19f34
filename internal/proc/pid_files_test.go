package proc

import (
	"errors"
	"strings"
	"testing"
)

// TestOddProcessFiles: what of a process is hidden, cut off or makes no sense is
// an error or not known, and never a number.
func TestOddProcessFiles(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		read             func(FS) error
		want             string // "": no error
	}{
		{"limits", "limits", "Max processes  5  6  processes\nMax open files  20000  unlimited  files\n", readLimits, ""},
		{"limits hidden", "", "", readLimits, "they have ended"},
		{"limits without files", "limits", "Max processes  5  6  processes\n", readLimits, `no line "Max open files"`},
		{"limits cut off", "limits", "Max open files  20000", readLimits, "is not two limits"},
		{"limits in words", "limits", "Max open files  many  more  files\n", readLimits,
			`Max open files: "many" is not a limit`},
		{"limits empty", "limits", "", readLimits, "it is empty"},
		{"status", "status", "Uid:\t7\t8\t9\t9\nThreads:\t3\nCapEff:\t000001ffffffffff\n", readStatus, ""},
		{"status without lines", "status", "Name:\tx\n", readStatus, "no line Uid"},
		{"status without capabilities", "status", "Uid:\t7\t8\t9\t9\n", readStatus, "no line CapEff"},
		{"status negative", "status", "Uid:\t-7\n", readStatus, `Uid: "-7" is not a number`},
		{"status hidden", "", "", readStatus, "no such file"},
		{"memory cut off", "statm", "100 50", readResident, "is not seven numbers"},
		{"memory zero", "statm", "0 0 0 0 0 0 0", readResident, ""},
		{"memory in words", "statm", "a b c d e f g", readResident, "is not seven numbers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			put("5/comm", []byte("x\n"))
			if tt.file != "" {
				put("5/"+tt.file, []byte(tt.text))
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.read(p); !strings.Contains(message(err), tt.want) || (err != nil) != (tt.want != "") {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func readLimits(p FS) error {
	l, err := p.Limits(5)
	if err == nil && l != (Limits{Files: Rlimit{20000, Unlimited}, Tasks: Rlimit{5, 6}}) {
		return errors.New("not the limits of the file")
	}
	return err
}

func readStatus(p FS) error {
	uid, err := p.User(5)
	if err != nil {
		return err
	}
	if caps, err := p.CapEff(5); err != nil || uid != 7 || caps != 1<<41-1 {
		return errors.Join(err, errors.New("not the user or capabilities of the file"))
	}
	return nil
}

func readResident(p FS) error {
	_, err := p.Resident(5)
	return err
}
