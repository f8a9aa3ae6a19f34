package main

import (
	"fmt"
	"strings"
)

// server is one row of the comparison: a program that echoes.
type server struct {
	Name  string // what the tables call it
	Proto string // tcp or ws
	About string // version, how it is tuned, and which document recommends that
	argv  string // FIRST:COUNT stands for the ports
	class class
}

// class decides the order in tables: the server with published figures, the others, the
// floor, c10m.
type class string

const (
	published class = "published"
	other     class = "other"
	floor     class = "floor"
	ours      class = "ours"
)

// ports are where all servers listen, in a namespace of their own.
const ports = "10000:200"

const (
	aboutTornado = "Tornado 6.2, a process a core; tornado.tcpserver, pattern 2, and the guide's Running and deploying"
	aboutNbio    = "lesismal/nbio 1.6.8, epoll; README, Quick Start and 1M Websocket Connections Benchmark"
	aboutGnet    = "gnet 2.9.7, one process; this repository"
	aboutEpoll   = "its own engine on raw epoll, one process; this repository"
)

// servers are all that are compared.
var servers = []server{
	{"Tornado", "tcp", aboutTornado, "bench/peers/tornado/echo.py --tcp FIRST:COUNT", published},
	{"Tornado", "ws", aboutTornado, "bench/peers/tornado/echo.py --ws FIRST:COUNT", published},
	{"Go net", "tcp", "net of this Go, goroutine and 4 KiB buffer a connection; package net's documentation",
		"bin/gonet --tcp FIRST:COUNT", other},
	{"nbio", "tcp", aboutNbio, "bin/nbio --tcp FIRST:COUNT", other},
	{"netpoll", "tcp", "cloudwego/netpoll 0.7.2, epoll; docs/guide/guide_en.md, sections 1 and 3.1",
		"bin/netpoll --tcp FIRST:COUNT", other},
	{"Erlang gen_tcp", "tcp", "OTP 25, process a connection, {active, once}; inet(3) setopts/2, erl(1) +Q +P",
		"bench/peers/erlang/echo.escript --tcp FIRST:COUNT", other},
	{"gorilla/websocket", "ws", "1.5.3 on net/http, pool of write buffers; package documentation, Buffers",
		"bin/gorilla --ws FIRST:COUNT", other},
	{"coder/websocket", "ws", "1.8.15 on net/http; internal/examples/echo of the project", "bin/coder --ws FIRST:COUNT",
		other},
	{"gws", "ws", "lxzan/gws 1.8.9 on net/http; README, Best Practice, without compression", "bin/gws --ws FIRST:COUNT",
		other},
	{"nbio", "ws", aboutNbio, "bin/nbio --ws FIRST:COUNT", other},
	{"Node.js ws", "ws", "ws 8.23.0, one process; README, Simple server", "bench/peers/nodews/echo.js --ws FIRST:COUNT",
		other},
	{"raw epoll (floor)", "tcp", "Go, two loops with SO_REUSEPORT, nothing a connection; bench/peers/rawepoll",
		"bin/rawepoll --tcp FIRST:COUNT", floor},
	{"c10m gnet", "tcp", aboutGnet, "bin/server --engine gnet --tcp FIRST:COUNT --max-conns 16000", ours},
	{"c10m gnet", "ws", aboutGnet, "bin/server --engine gnet --ws FIRST:COUNT --max-conns 16000", ours},
	{"c10m epoll", "tcp", aboutEpoll, "bin/server --engine epoll --tcp FIRST:COUNT --max-conns 16000", ours},
	{"c10m epoll", "ws", aboutEpoll, "bin/server --engine epoll --ws FIRST:COUNT --max-conns 16000", ours},
}

// figure is memory, bytes a connection at the server's end, that a server's author has
// published. It stands in the tables beside what is measured here.
type figure struct {
	name  string // in the tables
	proto string
	about string  // where it is published
	user  float64 // 0: not published
	both  float64 // with the kernel's part; 0: not published
}

// publicFigures lists all of them.
var publicFigures = []figure{
	{"Tornado (its author's figure)", "tcp", aboutTornadoFigure, 0, 10_500},
	{"Tornado (its author's figure)", "ws", aboutTornadoFigure, 0, 15_500},
	{"uWebSockets (its author's figure)", "ws", "C++, not built here. README of github.com/uNetworking/uWebSockets, " +
		"v0.14: one million WebSockets in 111 MB of user memory, 104 B each", 104, 0},
}

const aboutTornadoFigure = "given for a Tornado server for 10,000,000 connections: 10.5 KB a TCP connection and end, " +
	"15.5 KB a WebSocket"

// given returns the figures of a protocol.
func given(proto string) (list []figure) {
	for _, f := range publicFigures {
		if f.proto == proto {
			list = append(list, f)
		}
	}
	return list
}

// id names a server in flags, files and logs.
func (s server) id() string {
	short := strings.ToLower(strings.NewReplacer(" (floor)", "", " ", "-", "/", "-", ".", "").Replace(s.Name))
	return short + "-" + s.Proto
}

func (s server) command() []string {
	return strings.Fields(strings.ReplaceAll(s.argv, "FIRST:COUNT", ports))
}

// find looks a server up by its id.
func find(id string) (server, error) {
	for _, s := range servers {
		if s.id() == id {
			return s, nil
		}
	}
	return server{}, fmt.Errorf("%q is none of the servers: %s", id, strings.Join(ids(servers), ", "))
}

func ids(list []server) []string {
	var all []string
	for _, s := range list {
		all = append(all, s.id())
	}
	return all
}
