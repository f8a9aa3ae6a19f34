package result

import (
	"slices"
	"strconv"
)

// machine names the machine that a part ran on, and namespace its network namespace;
// "" where that is not known.
func machine(r *Result) string { return r.Host.BootID }

func namespace(r *Result) string {
	if r.Host.BootID == "" || r.Host.Net == 0 {
		return r.Host.BootID
	}
	return r.Host.BootID + " " + strconv.FormatUint(r.Host.Net, 10)
}

// apart says whether a part is known to have run where none of the others did.
func apart(others []*Result, p *Result) bool {
	return namespace(p) != "" && !slices.ContainsFunc(others, func(o *Result) bool {
		return namespace(o) == "" || namespace(o) == namespace(p)
	})
}

// byPlace adds up what was counted in different places. What several parts count in
// one place is the same, seen at moments that differ a little: the largest is taken,
// once. Parts that do not say where they ran count as in one place. Of nothing
// measured it is nil.
func byPlace[T int64 | float64](parts []*Result, place func(*Result) string, of func(*Result) *T) *T {
	most := map[string]*T{}
	for _, p := range parts {
		most[place(p)] = larger(most[place(p)], of(p))
	}
	var sum *T
	for _, n := range most {
		switch {
		case n == nil:
		case sum == nil:
			v := *n
			sum = &v
		default:
			*sum += *n
		}
	}
	return sum
}

// mergeCPU adds the clients' time. The server's was seen whole by each part: the
// longest look counts. Softirq time is each machine's.
func mergeCPU(parts []*Result) *CPU {
	var sum *CPU
	for _, p := range parts {
		if p.CPU == nil {
			continue
		}
		if sum == nil {
			sum = &CPU{}
		}
		sum.Client, sum.Server = sum.Client+p.CPU.Client, larger(sum.Server, p.CPU.Server)
		sum.ServerSetup = larger(sum.ServerSetup, p.CPU.ServerSetup)
	}
	if sum != nil {
		sum.Softirq = byPlace(parts, machine, func(p *Result) *float64 {
			if p.CPU == nil {
				return nil
			}
			return p.CPU.Softirq
		})
	}
	return sum
}

// mergeCounts adds the clients' counts. The server's holds the connections of all
// parts: the largest counts. The kernel's is that of a network namespace: without
// that of each it is left out, and of parts that do not say where they ran, where
// they differ. A connection has the fewest ends that it has anywhere.
func mergeCounts(parts []*Result) *Counts {
	var sum *Counts
	known := true
	unplaced := map[int64]bool{}
	for _, p := range parts {
		c := p.Reconcile
		if c == nil {
			continue
		}
		if sum == nil {
			sum = &Counts{}
		}
		sum.Client, sum.Server = sum.Client+c.Client, larger(sum.Server, c.Server)
		if c.Ends > 0 && (sum.Ends == 0 || c.Ends < sum.Ends) {
			sum.Ends = c.Ends
		}
		switch {
		case c.Kernel != nil && namespace(p) == "":
			unplaced[*c.Kernel] = true
		case c.Kernel == nil && namespace(p) != "" && !seen(parts, p):
			known = false
		}
	}
	if sum == nil {
		return nil
	}
	if known && len(unplaced) < 2 {
		sum.Kernel = byPlace(parts, namespace, kernelCount)
	}
	if sum.Kernel == nil {
		sum.Ends = 0
	}
	return sum
}

// seen says whether any part in the namespace of p has the kernel's count.
func seen(parts []*Result, p *Result) bool {
	return slices.ContainsFunc(parts, func(o *Result) bool {
		return namespace(o) == namespace(p) && kernelCount(o) != nil
	})
}

func kernelCount(p *Result) *int64 {
	if p.Reconcile == nil {
		return nil
	}
	return p.Reconcile.Kernel
}

// larger takes nil, not measured, for the smallest.
func larger[T int64 | float64](a, b *T) *T {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// mergeSpread unites what the parts have each for themselves (threads): exact.
// Of what they share (ports, sources), the mean is exact and the smallest and
// largest are bounds, since the same port need not be the fullest in both.
// Source addresses of parts that ran apart are each one's own, like threads. The
// server's workers were counted whole by each part: the fuller count stays.
func mergeSpread(a, b []Spread, apart bool) []Spread {
	for _, s := range b {
		i := slices.IndexFunc(a, func(t Spread) bool { return t.Over == s.Over })
		if i < 0 {
			a = append(a, s)
			continue
		}
		a[i] = a[i].plus(s, apart)
	}
	return a
}

func (a Spread) plus(b Spread, apart bool) Spread {
	switch {
	case a.Over == "threads", a.Over == OverThreads, a.Over == OverSources && apart:
		n := a.N + b.N
		return Spread{Over: a.Over, N: n, Min: min(a.Min, b.Min), Max: max(a.Max, b.Max),
			Mean: (a.Mean*float64(a.N) + b.Mean*float64(b.N)) / float64(n)}
	case a.Over == "workers", a.Over == OverWorkers, a.Over == OverLoops:
		if b.Mean*float64(b.N) > a.Mean*float64(a.N) {
			return b
		}
		return a
	}
	if b.N > a.N {
		a, b = b, a
	}
	mean := (a.Mean*float64(a.N) + b.Mean*float64(b.N)) / float64(a.N)
	if b.N < a.N { // b did not reach some of them
		b.Min = 0
	}
	return Spread{Over: a.Over, N: a.N, Min: a.Min + b.Min, Mean: mean, Max: a.Max + b.Max}
}
