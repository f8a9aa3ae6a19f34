package main

import (
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// websocket compares WebSocket with TCP, run after run of the same round.
func (t tables) websocket() error {
	tcp, err := read[result.Result](t.dir, "ours-small-*.json")
	if err != nil {
		return err
	}
	ws, err := read[result.Result](t.dir, "ws-small-*.json")
	if err != nil || len(ws) == 0 || len(ws) != len(tcp) {
		return err
	}
	t.title("WebSocket beside TCP", ws[0])
	t.printf("The server listens on 200 TCP and 200 WebSocket ports in both runs.\n\n| round | established | failed | lost | TCP setup/s | WebSocket setup/s | ratio | upgraded p50 | p99 | kernel, B more | server, B more | client, B more |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	var ratios []float64
	for i, w := range ws {
		q := w.Setup.Rate / tcp[i].Setup.Rate
		ratios = append(ratios, q)
		t.printf("| %d | %s | %d | %d | %s | %s | %.2f | %.2f ms | %.2f ms |", i+1, unit.Commas(w.Conns.Established), w.Conns.Failed, w.Conns.Lost,
			unit.Commas(int64(tcp[i].Setup.Rate)), unit.Commas(int64(w.Setup.Rate)), q, ms(w.Setup.Handshake.P50), ms(w.Setup.Handshake.P99))
		if a, b := tcp[i].Memory, w.Memory; a != nil && b != nil && a.Plain.Server != nil && b.Plain.Server != nil {
			t.printf(" %+.0f | %+.1f | %+.1f |\n", b.Plain.Kernel-a.Plain.Kernel, *b.Plain.Server-*a.Plain.Server, b.Plain.Client-a.Plain.Client)
		} else {
			t.printf(" - | - | - |\n")
		}
	}
	t.printf("\nMedian ratio of setup: **%.2f**.\n", stat.Median(ratios))
	for _, of := range []struct{ what, tcp, ws string }{
		{"64 B, 1,000 connections", "echo-gnet-*.json", "echo-ws-*.json"},
		{"64 KiB, 100 connections", "echo64k-tcp-*.json", "echo64k-ws-*.json"},
	} {
		if err := t.against(of.what, of.tcp, of.ws); err != nil {
			return err
		}
	}
	return nil
}

// against is one size of message over both protocols.
func (t tables) against(what, tcpFiles, wsFiles string) error {
	tcp, err := read[result.Result](t.dir, tcpFiles)
	if err != nil {
		return err
	}
	ws, err := read[result.Result](t.dir, wsFiles)
	if err != nil || len(ws) == 0 || len(ws) != len(tcp) {
		return err
	}
	t.printf("\n| %s | TCP echoes/s | p99 | WebSocket echoes/s | p99 | WebSocket MB/s | ratio |\n|---|---|---|---|---|---|---|\n", what)
	var ratios []float64
	for i := range ws {
		a, b := tcp[i].Echo, ws[i].Echo
		ratios = append(ratios, b.Rate/a.Rate)
		t.printf("| round %d | %s | %.2f ms | %s | %.2f ms | %s | %.2f |\n", i+1, unit.Commas(int64(a.Rate)), ms(a.Latency.P99),
			unit.Commas(int64(b.Rate)), ms(b.Latency.P99), unit.Commas(int64(b.Rate*float64(ws[i].Plan.Size)/1e6)), b.Rate/a.Rate)
	}
	t.printf("\nMedian ratio: **%.2f**.\n", stat.Median(ratios))
	return nil
}
