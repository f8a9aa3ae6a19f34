package result

import "slices"

// mergeCPU adds the clients' time. The server's and the machine's softirq time
// were seen whole by each part: the longest look counts. Of parts on several
// machines, softirq is then the busiest machine's.
func mergeCPU(a, b *CPU) *CPU {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a
	}
	return &CPU{Client: a.Client + b.Client, Server: larger(a.Server, b.Server), Softirq: larger(a.Softirq, b.Softirq)}
}

// mergeCounts adds the clients' counts. The server's holds the connections of
// all parts: the largest counts. The kernel's is that of one machine: where two
// parts differ they may have been two machines, and it is left out.
func mergeCounts(a, b *Counts) *Counts {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a
	}
	sum := &Counts{Client: a.Client + b.Client, Server: larger(a.Server, b.Server)}
	switch {
	case a.Kernel == nil:
		sum.Kernel = b.Kernel
	case b.Kernel == nil || *a.Kernel == *b.Kernel:
		sum.Kernel = a.Kernel
	}
	if sum.Kernel != nil {
		sum.Ends = max(a.Ends, b.Ends)
	}
	return sum
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
// The server's workers were counted whole by each part: the fuller count stays.
func mergeSpread(a, b []Spread) []Spread {
	for _, s := range b {
		i := slices.IndexFunc(a, func(t Spread) bool { return t.Over == s.Over })
		if i < 0 {
			a = append(a, s)
			continue
		}
		a[i] = a[i].plus(s)
	}
	return a
}

func (a Spread) plus(b Spread) Spread {
	switch a.Over {
	case "threads", "client threads":
		n := a.N + b.N
		return Spread{Over: a.Over, N: n, Min: min(a.Min, b.Min), Max: max(a.Max, b.Max),
			Mean: (a.Mean*float64(a.N) + b.Mean*float64(b.N)) / float64(n)}
	case "workers", "server workers":
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
