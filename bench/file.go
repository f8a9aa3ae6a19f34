package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// schema names the format of the comparison's file. Files of oldSchema have the same
// format under another name.
const (
	schema    = "c10m/bench/1"
	oldSchema = "c10m/compare/1"
)

// Comparison is all rounds of all servers and clients.
type Comparison struct {
	Schema  string      `json:"schema"`
	Started time.Time   `json:"started"`
	Seconds float64     `json:"seconds"`
	Host    result.Host `json:"host"`
	Setup   Setup       `json:"setup"`
	Servers []Row       `json:"servers,omitempty"`
	Clients []Row       `json:"clients,omitempty"`
}

// Setup is the conditions that all servers had in common.
type Setup struct {
	Conns       int64   `json:"conns"`
	Ports       int     `json:"ports"`
	Rounds      int     `json:"rounds"`
	EchoConns   int64   `json:"echo_conns"`
	EchoBytes   int     `json:"echo_bytes"`
	EchoSeconds float64 `json:"echo_seconds"`
	BurstBytes  int     `json:"burst_bytes"`
	Settle      float64 `json:"settle_seconds"` // after the ramp, and after the close
}

// Row is one server, or one client.
type Row struct {
	Name   string             `json:"name"`
	Proto  string             `json:"proto"`
	About  string             `json:"about"`
	Class  class              `json:"class"`
	Runs   []Run              `json:"runs"`
	Median *Figures           `json:"median,omitempty"` // absent: no run came to anything
	Ratio  map[string]float64 `json:"ratio,omitempty"`  // to the floor, of clients to ours
}

// Run is one round's run: its figures, or why there are none.
type Run struct {
	Round   int      `json:"round"`
	Figures *Figures `json:"figures,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// failed is the first error among the runs, and how many have one.
func (r Row) failed() (why string, n int) {
	for _, run := range r.Runs {
		if run.Error != "" {
			if n++; n == 1 {
				why = run.Error
			}
		}
	}
	return why, n
}

// sumUp fills in the medians of the rows, and their ratios to the row of class to, from
// runs that were not disturbed.
func sumUp(rows []Row, to class) {
	usual := usualKernel(rows)
	var base []Run
	for _, r := range rows {
		if r.Class == to {
			base = steady(r.Runs, usual)
		}
	}
	for i := range rows {
		runs := steady(rows[i].Runs, usual)
		rows[i].Median = medians(runs)
		rows[i].Ratio = ratios(runs, base)
	}
}

// apart is how far the kernel memory of a run may be from the usual, as a share of that.
const apart = 0.25

// usualKernel is the median of the kernel memory over all runs of all rows: a
// socket is the same object, whichever server has it.
func usualKernel(rows []Row) *float64 {
	var all []Run
	for _, r := range rows {
		all = append(all, r.Runs...)
	}
	return middle(all, func(f *Figures) **float64 { return &f.Kernel })
}

// disturbed says that other sockets came or went on the machine in that run.
func disturbed(r Run, usual *float64) bool {
	return r.Figures != nil && r.Figures.Kernel != nil && usual != nil && math.Abs(*r.Figures.Kernel-*usual) > apart**usual
}

// steady returns the runs, without the kernel memory of those that were disturbed.
func steady(runs []Run, usual *float64) (clean []Run) {
	for _, r := range runs {
		if disturbed(r, usual) {
			f := *r.Figures
			f.Kernel, f.Both = nil, nil
			r.Figures = &f
		}
		clean = append(clean, r)
	}
	return clean
}

func writeFile(name string, c *Comparison) error {
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}

func readFile(name string) (*Comparison, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c := new(Comparison)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if c.Schema != schema && c.Schema != oldSchema {
		return nil, fmt.Errorf("read %s: schema %q, want %q", name, c.Schema, schema)
	}
	return c, nil
}
