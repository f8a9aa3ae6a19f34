package plan

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

func TestParseURL(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, want := range []URL{
		{Text: "tcp://192.0.2.1:10000", Addr: v4, Ports: unit.Ports{First: 10000, N: 1}},
		{Text: "tcp://192.0.2.1:10000/", Addr: v4, Ports: unit.Ports{First: 10000, N: 1}},
		{Text: "tcp://192.0.2.1:10000-10199", Addr: v4, Ports: unit.Ports{First: 10000, N: 200}},
		{Text: "TCP://[2001:db8::1]:7", Addr: v6, Ports: unit.Ports{First: 7, N: 1}},
		{Text: "tcp://[::ffff:192.0.2.1]:7", Addr: v4, Ports: unit.Ports{First: 7, N: 1}},
		{Text: "tls://chat.example.com:993", TLS: true, Name: "chat.example.com", Ports: unit.Ports{First: 993, N: 1}},
		{Text: "ws://localhost", WS: true, Name: "localhost", Ports: unit.Ports{First: 80, N: 1}},
		{Text: "ws://localhost:8080-8083/ws", WS: true, Name: "localhost", Ports: unit.Ports{First: 8080, N: 4},
			Path: "/ws"},
		{Text: "wss://[2001:db8::1]/a/b?c=d", WS: true, TLS: true, Addr: v6, Ports: unit.Ports{First: 443, N: 1},
			Path: "/a/b?c=d"},
		{Text: "wss://chat.example.com:8443/chat?room={i}", WS: true, TLS: true, Name: "chat.example.com",
			Ports: unit.Ports{First: 8443, N: 1}, Path: "/chat?room={i}"},
		{Text: "wss://chat.example.com?room={i}", WS: true, TLS: true, Name: "chat.example.com",
			Ports: unit.Ports{First: 443, N: 1}, Path: "/?room={i}"},
		{Text: "ws://h.example/?u=a@b:c", WS: true, Name: "h.example", Ports: unit.Ports{First: 80, N: 1},
			Path: "/?u=a@b:c"},
	} {
		if got, err := ParseURL(want.Text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", want.Text, got, err, want)
		}
	}
}

// What is refused is named, with what is wrong and the legal form.
func TestParseURLRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "no scheme",
		"example.com:80":          "no scheme: want tcp://HOST:PORT, tls://HOST:PORT, ws://HOST/PATH",
		"http://example.com/":     `"http" is no scheme of ours: want tcp://`,
		"tcp:/example.com:80":     "no scheme",
		"tcp://example.com":       "no port: want tcp://HOST:PORT[-LAST]",
		"tls://example.com":       "no port: want tls://HOST:PORT[-LAST]",
		"tcp://example.com:80/x":  "it has a path (/x)",
		"tcp://example.com:80?x":  "it has a path (?x)",
		"tcp://:80":               "no host",
		"ws://":                   "no host: want ws://HOST[:PORT[-LAST]][/PATH[?QUERY]]",
		"ws:///x":                 "no host",
		"ws://me:pw@example.com/": "it has a user (me:pw@)",
		"ws://example.com/x#y":    "it has a fragment (#y)",
		"ws://example.com#y":      "it has a fragment (#y)",
		"ws://example.com:":       `"" is no port`,
		"ws://example.com:0":      `"0" is no port`,
		"ws://example.com:65536":  `"65536" is no port`,
		"ws://example.com:http":   `"http" is no port`,
		"ws://example.com:9-8":    `"9-8" is no port, nor a range`,
		"ws://example.com:1-":     `"1-" is no port`,
		"ws://example.com:+1":     `"+1" is no port`,
		"ws://a b/":               "is a space or a control character",
		"ws://h/a b":              "is a space or a control character",
		"ws://h/\n":               "is a space or a control character",
		"ws://2001:db8::1/":       "an IPv6 address stands in brackets ([2001:db8::1])",
		"ws://[2001:db8::1/":      "not closed",
		"ws://[2001:db8::1]8/":    `"8" stands behind its address`,
		"ws://[fe80::1%eth0]/":    "has a zone",
		"ws://[example.com]/":     `"example.com" is not an IP address`,
		"ws://192.0.2/":           "neither the name of a host nor an IP address",
		"ws://{i}.example.com/":   "neither the name of a host nor an IP address",
		"ws://bücher.example/":    "neither the name of a host nor an IP address",
	} {
		_, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "target ") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"tcp://127.0.0.1:1", "ws://[::1]:1-2/x?y", "wss://h", "tls://h:1#", "ws://u@h", "://",
		"ws://[", "ws://[]:", "ws://h:1-2-3", "ws://h\x00/", "ws://h/{i}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			oneLine(t, text, err)
			return
		}
		if u.Ports.Check() != nil || (u.Name == "") != u.Addr.IsValid() || u.Path != "" && u.Path[0] != '/' ||
			u.Path != "" && !u.WS {
			t.Fatalf("%q is taken for %+v", text, u)
		}
		if strings.ContainsAny(u.Name+u.Path, " \r\n\x00#") {
			t.Fatalf("%q is taken for %+v", text, u)
		}
	})
}
