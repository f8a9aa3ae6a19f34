// Package unit reads and writes quantities: counts, rates, sizes, times, shares
// and ranges of ports. It is the only place that knows how they are spelled, so
// that 8k means the same in a flag, in a threshold and in a report.
//
// What is stored and computed with is in base units (bytes, nanoseconds, per
// second); only what a person types or reads has others. The types are values of
// flags, of package flag and of pflag alike:
//
//	rate := unit.Rate{}                    // as fast as possible
//	flags.Var(&rate, "rate", "connections per second")
//
// The package is pure: it touches no kernel.
package unit

// Help says how quantities are written on the command line. The help of every
// program ends with it where there is room, else it says how to see it.
const Help = `Quantities
  count     10000000, 10_000_000, 10M, 4.1M, 500k: k, M, G, T are decimal
  rate      50k or 50k/s, or max
  size      65536, 64KiB, 64k, 1M, 32G: k, M, G, T and KiB, MiB, GiB, TiB are
            binary (k = 1,024 bytes); kB, MB, GB, TB are decimal
  time      500us, 5ms, 10s, 1m30s, 8h, 1d
  share     0.1%, or 0.001
  ports     FIRST:COUNT or FIRST-LAST: 10000:200 is 10000-10199; none
`
