package report

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// sentence puts facts into what is said of a warning or a finding:
//
//	{name}   a fact: a word, or a number in the unit that its name says
//	{+name}  a number with its sign
//	{~name}  a share, in whole percent
//	{=name}  a number without commas: one that a command takes, or a port's, a process's
//	[a|b]    the first of these that has all of its facts; none has: nothing
//
// It is whole if it has all facts outside of brackets.
func sentence(text string, f result.Facts) (said string, whole bool) {
	var b strings.Builder
	whole = true
	for {
		before, rest, choice := strings.Cut(text, "[")
		part, all := fill(before, f)
		b.WriteString(part)
		whole = whole && all
		if !choice {
			return b.String(), whole
		}
		choices, after, _ := strings.Cut(rest, "]")
		for one := range strings.SplitSeq(choices, "|") {
			if part, all := fill(one, f); all {
				b.WriteString(part)
				break
			}
		}
		text = after
	}
}

// fill puts the facts into a piece without brackets. It is whole if all of them are
// there.
func fill(text string, f result.Facts) (said string, whole bool) {
	var b strings.Builder
	whole = true
	for {
		before, rest, more := strings.Cut(text, "{")
		b.WriteString(before)
		if !more {
			return b.String(), whole
		}
		name, after, _ := strings.Cut(rest, "}")
		form := name[:min(1, len(name))]
		if !strings.Contains("+~=", form) {
			form = ""
		}
		name = name[len(form):]
		word, isWord := f.Words[name]
		v, isNumber := f.Numbers[name]
		switch {
		case isWord:
			b.WriteString(worded(name, word))
		case isNumber:
			b.WriteString(formed(form, name, v))
		default:
			whole = false
		}
		text = after
	}
}

// wordings are the facts that are one of a few known words, and what these are in a
// sentence.
var wordings = map[string]map[string]string{
	"when":    {"end": "at the end of the run ", "closed": "after the close "},
	"whose":   {"server": "the server", "client": "the client", "both": "client and server"},
	"measure": {"processor_time": "processor time"},
}

// worded writes a fact that is a word.
func worded(name, word string) string {
	if name == "upstream" {
		return destination(word)
	}
	return cmp.Or(wordings[name][word], word)
}

// services are whose ports people know by name.
var services = map[uint16]string{
	53: "DNS", 80: "HTTP", 443: "HTTPS", 389: "LDAP", 636: "LDAPS", 25: "SMTP", 587: "SMTP",
	1433: "SQL Server", 1521: "Oracle", 2379: "etcd", 3306: "MySQL", 4222: "NATS", 5432: "PostgreSQL", 5672: "AMQP",
	6379: "Redis", 6432: "PgBouncer", 8125: "StatsD", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka",
	9200: "Elasticsearch", 11211: "memcached", 27017: "MongoDB",
}

// destination names another server: "127.0.0.1:5432 (PostgreSQL's port)".
func destination(address string) string {
	if address == "not_tcp" {
		return "a socket that is not TCP's (a Unix socket, or UDP as for names)"
	}
	if to, err := netip.ParseAddrPort(address); err == nil && services[to.Port()] != "" {
		return address + " (" + services[to.Port()] + "'s port)"
	}
	return address
}

// formed writes a number in the form that a sentence wants.
func formed(form, name string, v float64) string {
	switch form {
	case "~":
		return unit.WholePercent(v)
	case "=":
		if strings.HasSuffix(name, "_ns") {
			return shortly(int64(v))
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case "+":
		if v >= 0 {
			return "+" + number(name, v)
		}
	}
	return number(name, v)
}

// endings are the units that names of numbers end in, see result.Numbers.
var endings = []struct {
	ending string
	write  func(float64) string
}{
	{"_bytes_per_conn", unit.PerConn},
	{"_bytes", unit.InBytes.Format},
	{"_ns", unit.InNanos.Format},
	{"_seconds", unit.InSeconds.Format},
	{"_per_second", unit.InPerSecond.Format},
	{"_share", unit.InShare.Format},
	{"_cores", cores},
	{"_mean", unit.Significant},
	{"_per_message", unit.Significant},
	{"r2", func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }},
}

// number writes a number in its unit.
func number(name string, v float64) string {
	for _, e := range endings {
		if strings.HasSuffix(name, e.ending) {
			return e.write(v)
		}
	}
	return unit.InCount.Format(v)
}

// cores is how much of the processors several threads had or wanted together: a
// share of one core, or more than one.
func cores(n float64) string {
	if n < 0.995 {
		return unit.WholePercent(n) + " of a core"
	}
	return unit.Significant(n) + " cores"
}

// unworded are the facts as they are, of a code that is not known: it is one of a later
// version.
func unworded(f result.Facts) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(f.Numbers)) {
		all = append(all, name+" "+number(name, f.Numbers[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Words)) {
		all = append(all, name+" "+f.Words[name])
	}
	return all
}
