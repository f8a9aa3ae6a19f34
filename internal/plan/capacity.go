package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/c10m/c10m/internal/unit"
)

// Machine is what bounds the connections of one run. Zero or negative fields
// are unknown and bound nothing, except where said.
type Machine struct {
	RoomBytes      int64  // memory that can be taken, the reserve already off
	BytesPerConn   int64  // of everything on this machine: kernel (both ends if local) and user
	FDsPerTable    int64  // soft RLIMIT_NOFILE
	FDsTaken       int64  // fds a table holds before the first connection, and the reserve
	Tables         int64  // fd tables this run may take; 1 without private tables
	TablesWhy      string // what keeps them from being more, each being a thread's; "" if nothing does
	TablesCure     string
	EpollWatches   int64 // fs.epoll.max_user_watches
	WatchesTaken   int64 // by what this user holds already
	WatchesPerConn int64 // 2 when the server is on this machine under the same user
	Conntrack      int64 // nf_conntrack_max, when conntrack sees this traffic
	ConntrackTaken int64 // entries in use
	FilesPerConn   int64 // 2 when the server is on this machine
	FileMax        int64 // fs.file-max less fs.file-nr
	Tuples         int64 // local ports x sources x ports
	ServerConns    int64 // what the server's control endpoint says it takes
}

// The limits of a run, by name. LimitFDs and LimitTuples are those that a plan is
// refused for; several processes share the others, of a machine and of the server.
const (
	LimitFDs       = "file descriptors"
	LimitTuples    = "4-tuples"
	limitMemory    = "memory"
	limitWatches   = "epoll watches"
	limitConntrack = "conntrack"
	limitFiles     = "open files of the system"
	limitServer    = "the server"
)

// ofMachine says whether processes on one machine share what the limit allows.
func (l Limit) ofMachine() bool {
	return slices.Contains([]string{limitMemory, limitWatches, limitConntrack, limitFiles}, l.Name)
}

// Limit is one bound on the number of connections.
type Limit struct {
	Name string
	Max  int64
	Why  string
	Cure string
}

// Limits lists what bounds a run, tightest first.
func (m Machine) Limits() []Limit {
	var all []Limit
	add := func(name string, n int64, why, cure string) {
		all = append(all, Limit{Name: name, Max: max(0, n), Why: why, Cure: cure})
	}
	if m.BytesPerConn > 0 {
		add(limitMemory, m.RoomBytes/m.BytesPerConn,
			fmt.Sprintf("%s can be taken, a connection takes about %s here", unit.Bytes(float64(m.RoomBytes)),
				unit.PerConn(float64(m.BytesPerConn))),
			"a machine with more memory, or server and client on two machines")
	}
	if m.FDsPerTable > 0 {
		per := max(0, m.FDsPerTable-m.FDsTaken)
		why := fmt.Sprintf("RLIMIT_NOFILE %s × %d fd tables", unit.Commas(m.FDsPerTable), max(1, m.Tables))
		cure := "raise the hard limit (ulimit -Hn), or allow private fd tables (--private-fds on)"
		if m.TablesWhy != "" {
			why += ", a thread each: " + m.TablesWhy
			cure = m.TablesCure + ", or raise the hard limit of fds (ulimit -Hn)"
		}
		add(LimitFDs, saturate(per, max(1, m.Tables)), why, cure)
	}
	if m.Tuples > 0 {
		add(LimitTuples, m.Tuples, "local ports × sources × ports",
			"more --ports, more --sources or a wider net.ipv4.ip_local_port_range")
	}
	if m.EpollWatches > 0 {
		per := max(1, m.WatchesPerConn)
		why := fmt.Sprintf("fs.epoll.max_user_watches %s, %d a connection", unit.Commas(m.EpollWatches), per)
		if m.WatchesTaken > 0 {
			why += fmt.Sprintf(", %s in use", unit.Commas(m.WatchesTaken))
		}
		add(limitWatches, (m.EpollWatches-m.WatchesTaken)/per, why,
			fmt.Sprintf("sysctl -w fs.epoll.max_user_watches=%d", m.EpollWatches*4))
	}
	if m.Conntrack > 0 {
		add(limitConntrack, m.Conntrack-m.ConntrackTaken,
			fmt.Sprintf("net.netfilter.nf_conntrack_max %s, %s in use", unit.Commas(m.Conntrack),
				unit.Commas(m.ConntrackTaken)),
			"sysctl -w net.netfilter.nf_conntrack_max=..., or no conntrack for these ports (nft: notrack)")
	}
	if m.FileMax > 0 {
		per := max(1, m.FilesPerConn)
		add(limitFiles, m.FileMax/per, fmt.Sprintf("fs.file-max less what is open: %s", unit.Commas(m.FileMax)),
			"sysctl -w fs.file-max=...")
	}
	if m.ServerConns > 0 {
		all = append(all, ServerLimit(m.ServerConns))
	}
	slices.SortStableFunc(all, func(a, b Limit) int { return cmp.Compare(a.Max, b.Max) })
	return all
}

// ServerLimit is the limit of a server that says what it takes.
func ServerLimit(n int64) Limit {
	return Limit{Name: limitServer, Max: max(0, n), Why: "what its control endpoint says it takes",
		Cure: "start the server with a larger --max-conns"}
}

// saturate multiplies without overflow.
func saturate(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

// TablesFor is how many fd tables n connections need when one holds perTable.
func TablesFor(n, perTable int64) int64 {
	if perTable < 1 {
		return math.MaxInt64
	}
	return max(1, ceilDiv(n, perTable))
}
