package shard

import (
	"maps"
	"slices"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/echo/epoll"
	"github.com/c10m/c10m/internal/echo/gnet"
)

// engines are the server's engines by their names, the values of --engine. An engine
// is added here and nowhere else.
var engines = map[string]echo.Engine{
	"gnet": gnet.Serve,
	Tables: epoll.Serve,
}

// Tables is the engine whose event loops take fd tables of their own: FitTables decides
// on its size, Fit on that of the others.
const Tables = "epoll"

// DefaultEngine is the engine without --engine.
const DefaultEngine = "gnet"

// Engines are the names of the engines, in order.
func Engines() []string { return slices.Sorted(maps.Keys(engines)) }
