package diagnose

import (
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/result"
)

// Tables show where processor time went, whether or not something is at its
// limit: by core, and by process with its busiest thread.
func Tables(w Window) (list []result.Table) {
	if each := w.cores(); len(each) > 0 {
		t := result.Table{Title: "Processors", Columns: []result.Column{{Name: "core", Unit: result.InText}, {Name: "busy", Unit: result.InShare},
			{Name: "soft interrupts", Unit: result.InShare}, {Name: "stolen", Unit: result.InShare}}}
		for i, c := range each {
			t.Rows = append(t.Rows, []any{fmt.Sprint(w.After.Cores.Each[i].ID), max(0, c.all), max(0, c.softirq), max(0, c.stolen)})
		}
		if s := w.Seen; s.Looks > 0 {
			t.Note = fmt.Sprintf("%.1f threads on average wanted one of the %d cores.", float64(s.Runnable)/float64(s.Looks), len(each))
		}
		list = append(list, t)
	}
	server := used(w.Before.Server, w.After.Server, w.seconds())
	if len(server) == 0 {
		return list
	}
	slices.SortStableFunc(server, func(a, b shares) int { return int(1e6 * (b.want - a.want)) })
	t := result.Table{Title: "Processes of the server", Columns: []result.Column{{Name: "process", Unit: result.InText}, {Name: "ran", Unit: result.InShare},
		{Name: "waited for a core", Unit: result.InShare}, {Name: "threads", Unit: result.InNumber}, {Name: "busiest thread ran", Unit: result.InShare}, {Name: "fds", Unit: result.InNumber}}}
	for _, s := range server[:min(len(server), mostShown)] {
		row := []any{fmt.Sprintf("%d %s", s.PID, s.Name), s.run, s.want - s.run, float64(len(s.Threads)), s.top().run, nil}
		if s.FDs.Open >= 0 {
			row[5] = float64(s.FDs.Open)
		}
		t.Rows = append(t.Rows, row)
	}
	if n := len(server) - mostShown; n > 0 {
		t.Note = fmt.Sprintf("The %d busiest of %d; shares are of one core.", mostShown, len(server))
	} else {
		t.Note = "Shares are of one core."
	}
	return append(list, t)
}

// mostShown bounds the table of processes.
const mostShown = 16
