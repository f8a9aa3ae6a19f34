package plan

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// URL is a target as a user gives it: where to and what is spoken there.
type URL struct {
	Text    string
	WS, TLS bool
	Name    string     // of the host; "": it is an address
	Addr    netip.Addr // the address, where there is no name
	Ports   unit.Ports
	Path    string // with its query; "": none is given
}

// scheme is what a URL may begin with.
type scheme struct {
	name    string
	ws, tls bool
	port    int // where none is given; 0: it must be
}

var schemes = []scheme{
	{name: "tcp"}, {name: "tls", tls: true},
	{name: "ws", ws: true, port: 80}, {name: "wss", ws: true, tls: true, port: 443}, // RFC 6455 section 3
}

// form is how a URL of the scheme is written.
func (s scheme) form() string {
	if s.ws {
		return fmt.Sprintf("%s://HOST[:PORT[-LAST]][/PATH[?QUERY]]", s.name)
	}
	return fmt.Sprintf("%s://HOST:PORT[-LAST]", s.name)
}

// ParseURL reads a target: tcp://HOST:PORT, tls://HOST:PORT, ws://HOST/PATH?QUERY or
// wss://HOST/PATH?QUERY. A port may be a range, FIRST-LAST; an IPv6 address stands in
// brackets, RFC 3986 section 3.2.2. The error is one line that names the target, what
// is wrong, and the legal form.
func ParseURL(text string) (URL, error) {
	word, rest, has := strings.Cut(text, "://")
	for _, s := range schemes {
		if has && strings.EqualFold(word, s.name) {
			u := URL{Text: text, WS: s.ws, TLS: s.tls}
			if err := u.parse(rest, s); err != nil {
				return u, fmt.Errorf("target %q: %w: want %s", text, err, s.form())
			}
			return u, nil
		}
	}
	what := "it has no scheme"
	if has {
		what = fmt.Sprintf("%q is no scheme of ours", word)
	}
	return URL{}, fmt.Errorf("target %q: %s: want tcp://HOST:PORT, tls://HOST:PORT, ws://HOST/PATH or wss://HOST/PATH",
		text, what)
}

// parse reads what stands behind the scheme.
func (u *URL) parse(rest string, s scheme) error {
	if i := strings.IndexFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7F }); i >= 0 {
		return fmt.Errorf("%q in it is a space or a control character", rest[i])
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	switch {
	case strings.Contains(authority, "@"):
		return fmt.Errorf("it has a user (%s@), who belongs into --header 'Authorization: ...'",
			authority[:strings.Index(authority, "@")])
	case strings.Contains(path, "#"):
		return fmt.Errorf("it has a fragment (%s), which is never sent", path[strings.Index(path, "#"):])
	case !s.ws && path != "" && path != "/":
		return fmt.Errorf("it has a path (%s)", path)
	case strings.HasPrefix(path, "?"):
		path = "/" + path
	}
	if u.Path = path; !s.ws {
		u.Path = ""
	}
	return u.parseAuthority(authority, s)
}

// parseAuthority reads HOST or HOST:PORT or HOST:FIRST-LAST.
func (u *URL) parseAuthority(authority string, s scheme) error {
	host, port, hasPort := authority, "", false
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return fmt.Errorf("the bracket before its address is not closed")
		}
		host, port = authority[1:end], authority[end+1:]
		if hasPort = strings.HasPrefix(port, ":"); !hasPort && port != "" {
			return fmt.Errorf("%q stands behind its address", port)
		}
		port = strings.TrimPrefix(port, ":")
		a, err := ParseAddr(host)
		if err != nil {
			return err
		}
		u.Addr = a
	} else {
		host, port, hasPort = strings.Cut(authority, ":")
		if strings.Contains(port, ":") {
			return fmt.Errorf("an IPv6 address stands in brackets ([%s])", authority)
		}
		if err := u.setHost(host); err != nil {
			return err
		}
	}
	return u.setPorts(port, hasPort, s)
}

func (u *URL) setHost(host string) error {
	a, err := ParseAddr(host)
	switch {
	case err == nil:
		u.Addr = a
	case host == "":
		return fmt.Errorf("it has no host")
	case !IsName(host):
		return fmt.Errorf("%q is neither the name of a host nor an IP address", host)
	default:
		u.Name = host
	}
	return nil
}

func (u *URL) setPorts(port string, given bool, s scheme) error {
	if !given {
		if s.port == 0 {
			return fmt.Errorf("it has no port")
		}
		u.Ports = unit.Ports{First: s.port, N: 1}
		return nil
	}
	a, b, isRange := strings.Cut(port, "-")
	if !isRange {
		b = a
	}
	first, ok := portOf(a)
	last, ok2 := portOf(b)
	if !ok || !ok2 || last < first {
		return fmt.Errorf("%q is no port, nor a range of them within 1..65535", port)
	}
	u.Ports = unit.Ports{First: first, N: last - first + 1}
	return nil
}

// portOf reads a port in decimal digits.
func portOf(s string) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= 65535
}

// IsName says whether a word can be the name of a host, RFC 1123 section 2.1; what
// ends in a number alone is an address that is misspelt.
func IsName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if s == "" || len(s) > 253 || strings.Trim(s, letters+"0123456789-._") != "" {
		return false
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}
