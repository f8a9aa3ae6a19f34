package rig

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c10m/c10m/internal/shard"
)

// Engine is the engine that the servers of Start run on now.
var Engine = shard.DefaultEngine

// cannot are the tests that an engine does not pass, as "engine/test" or the
// beginning of it, and why. There is no other list.
var cannot = map[string]string{
	"epoll/TestWorkersGrow": "one process holds any number of connections: it has no workers that could grow",
	"epoll/TestFDLimit":     "no fd limit binds it: its event loops take fd tables of their own",
}

// started are the tests that have started a server.
var started struct {
	sync.Mutex
	tests []string
}

// overEngines runs the tests over the default engine, and those of them that start
// a server once more over each of the others. C10M_ENGINE names the only one.
func overEngines(m *testing.M) (status int) {
	engines := shard.Engines()
	slices.SortFunc(engines, func(a, b string) int { // the default one first
		return strings.Compare(fmt.Sprint(a != shard.DefaultEngine, a), fmt.Sprint(b != shard.DefaultEngine, b))
	})
	if only := os.Getenv("C10M_ENGINE"); only != "" {
		engines = []string{only}
	}
	for i, name := range engines {
		Engine = name
		if i > 0 {
			if len(started.tests) == 0 {
				break
			}
			_ = flag.Set("test.run", "^("+strings.Join(started.tests, "|")+")$")
		}
		if len(engines) > 1 {
			fmt.Printf("=== engine %s\n", name)
		}
		status = max(status, m.Run())
	}
	return status
}

// onEngine notes that a test starts a server, and skips one that its engine cannot
// pass.
func onEngine(tb testing.TB) {
	top, _, _ := strings.Cut(tb.Name(), "/")
	started.Lock()
	if name := regexp.QuoteMeta(top); !slices.Contains(started.tests, name) {
		started.tests = append(started.tests, name)
	}
	started.Unlock()
	for name, why := range cannot {
		if strings.HasPrefix(Engine+"/"+tb.Name(), name) {
			tb.Skip(why)
		}
	}
}
