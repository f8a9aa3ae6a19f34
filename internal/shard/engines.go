package shard

import (
	"maps"
	"slices"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/echo/epoll"
	"github.com/c10m/c10m/internal/echo/gnet"
)

// engines are those that a server can run on, by the name that --engine gives
// them. An engine is added here and nowhere else.
var engines = map[string]echo.Engine{
	"gnet": gnet.Serve,
	Tables: epoll.Serve,
}

// Tables is the engine whose event loops take fd tables of their own, FitTables.
const Tables = "epoll"

// DefaultEngine is the engine without --engine.
const DefaultEngine = "gnet"

// Engines are the names of the engines, in order.
func Engines() []string { return slices.Sorted(maps.Keys(engines)) }
