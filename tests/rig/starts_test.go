package rig

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestStartServers: a test may start a server by itself, by a function, by a method, or
// by a function value that it passes on; recursion does not hang.
func TestStartServers(t *testing.T) {
	const source = `package x
func TestDirectly(t *testing.T) { rig.Start(t, rig.Options{}) }
func TestByFunction(t *testing.T) { start() }
func TestByMethod(t *testing.T) { world{}.begin() }
func TestHandedOn(t *testing.T) { do(start) }
func TestPerEngine(t *testing.T) { _ = rig.Engine }
func TestClientAlone(t *testing.T) { rig.Client(t, nil, nil, "hold"); Start(); odd() }
func TestNothing(t *testing.T) {}
func start() { rig.Start(nil, rig.Options{}) }
func Start() {}
func odd() { even() }
func even() { odd() }
func do(f func()) { f() }
func (world) begin() { start() }
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x_test.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	with, without, err := startServers(dir)
	if want := []string{"^TestClientAlone$", "^TestNothing$"}; err != nil || !slices.Equal(without, want) {
		t.Errorf("without a server are %v, %v; want %v", without, err, want)
	}
	if len(with) != 5 {
		t.Errorf("with a server are %v, want the five others", with)
	}
	if _, _, err := startServers(t.TempDir()); err == nil {
		t.Error("a directory without tests was taken")
	}
}
