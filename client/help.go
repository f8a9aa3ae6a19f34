package main

import "strings"

// A help text fits one screen: 80 columns, 40 lines.

const overview = `usage: client [COMMAND] [flags]

How many connections can one box hold, what does each cost, what breaks first?
Works against any TCP or WebSocket echo server.

Commands; "client COMMAND --help" shows all of its flags
  hold      ramp, hold, verify a sample by echo, close (the default)
  echo      ramp, then every connection sends as fast as its echo comes back
  churn     connections that come and go: TIME_WAIT, local ports, keep-alive
  stress    so many users, so many messages each: response times, errors
  peak      how many users can it carry, and what breaks first
  soak      a long run: does the server's memory grow?
  sweep     which setting is best? a grid of flags, with repeats
  diagnose  what limits a running server, ours or another
  report    show a result file again: as text, HTML, CSV; hold it to thresholds
  compare   result files side by side, with ratios and thresholds

Flags that most runs need
  --conns N|auto    how many: 10000000, 10M, 500k (default auto: what fits)
  --host ADDR|NAME  the server's address (default 127.0.0.1)
  --ports N         how many destination ports (default 200), from --first-port
  --proto tcp|ws|tcp,ws   (default tcp)
  --rate N/s|max    connects per second (default max)
  --hold D          how long to hold, or to echo (default 10s)
  --json FILE, --html FILE, --csv FILE   what is kept of it; - is stdout
  --fail-if COND    exit 1 if it holds, like 'setup.rate<30000' (repeatable)
  --quiet           no live line, no text report
  --version, --help

Exit status: 0 done as asked; 1 fell short, or a --fail-if held; 2 bad usage;
130 interrupted.

Examples
  client --ports 200 --conns 10M --json big.json --html big.html
  client --conns 100k --rate 20k/s --hold 1m --interval 10s
  client echo --conns 1000 --size 64 --hold 5s
  client compare before.json after.json --fail-if 'total_bytes_per_conn>+5%'
`

// runUsage is of the commands that open connections; COMMAND is their name.
const runUsage = `usage: client COMMAND [flags]

Where to
  --host ADDR|NAME[,..] server's addresses (default 127.0.0.1), used in turn
  --ports N|FIRST-LAST  destination ports (default 200) of each protocol, from
  --first-port PORT[,PORT]          (default tcp 10000, ws 15000)
  --proto tcp|ws|tcp,ws (default tcp); both: an even split
  --path PATH, --header K:V (repeatable), --subprotocol NAME[,NAME]  WebSocket's
  --server-control URL|auto|none    for the server's memory and count
How many, how fast
  --conns N|auto        10_000_000, 10M, 500k (default auto: what fits)
  --cap N               the most that auto may take
  --rate N/s|max        connects per second (default max)
  --hold D              how long to hold, or to echo (default 10s)
  --close rst|fin       how to end; rst leaves no TIME_WAIT (default rst)
From where
  --sources auto|CIDR   source addresses (default auto: as many as needed)
  --threads auto|N      client threads
  --private-fds auto|on|off   fd tables per thread (default auto: where needed)
  --window N            connects under way at once per thread (default 1024)
  --connect-timeout D   (default 10s)
  --keepalive D         probe a silent server (default 5m; on loopback 0: never)
  --reconnect           hold: restore what is lost, with backoff; counted apart
Messages
  --size BYTES, --text  of a message (default 64); text frames, not binary
  --interval D          one each D on every connection held (default 0: idle)
  --verify N            connections that echo once after the hold (default 10k)
Report
  --json FILE, --html FILE, --csv FILE   the result (- is stdout), the report as
                        a page, its series as a table
  --fail-if COND        'setup.rate<30k', 'total_bytes_per_conn>8KiB' (many):
                        exit 1 if it holds; see client report --help
  --dash ADDR:PORT      live page and /metrics of this run, like 127.0.0.1:9091
  --settle D            both ends' time to give back memory (default 4s)
  --quiet, --show-failure, --version   no live line, no report; the first
                        answer that made a connection fail; the version
Examples
  client COMMAND --ports 200 --conns 500k --rate 20k/s --hold 1m --html run.html
  client COMMAND --conns 5000 --interval 1s --fail-if 'conns.failed>0' --json -
`

const reportUsage = `usage: client report FILE [flags]

Shows a result file (client --json) again; FILE - is standard input.

  --html FILE      as one page that needs no network; - for stdout
  --csv FILE       its series: the ramp's curve, samples, steps; - for stdout
  --json FILE      the result file again, with what came of each --fail-if
  --fail-if COND   exit 1 if it holds, or if its metric was not measured
  --quiet          no text report

COND is METRIC OP VALUE (quote it for the shell)
  METRIC   a number's path in the result file: setup.rate, echo.latency.p99,
           memory.caches.TCP.bytes_per_conn, conns.errors.connect_refused; its
           end is enough where no other path has it: total_bytes_per_conn, r2
  OP       < > <= >= == !=
  VALUE    a number in the file's units (bytes, ns, s, per second), or with a
           unit as below: 30k, 5ms, 8KiB, 99%
  Failures that did not happen count 0; other absent numbers were not measured.

Exit status: 0 shown; 1 a --fail-if held; 2 bad usage, or no result file.

Examples
  client report big.json --html big.html
  client report big.json --fail-if 'setup.rate<30k' --fail-if 'r2<99%'
  client report big.json --csv - >curve.csv
`

// runHelp is the help of a command that opens connections.
func runHelp(command string) string { return strings.ReplaceAll(runUsage, "COMMAND", command) }
