//go:build !linux

package runs_on_Linux_only
