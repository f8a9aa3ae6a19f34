package scenario

import (
	"github.com/c10m/c10m/internal/result"
)

// ChurnVariant is one cell of the matrix.
type ChurnVariant struct {
	Mode       string
	FirstClose string // client or server
	TWReuse    int
}

// The settings that all cells of the matrix share: 30,000 ports and 30,000
// TIME_WAIT buckets, the values at which published articles ran out of ports.
const (
	MatrixPorts   = "30000-59999"
	MatrixBuckets = 30_000
	matrixPorts   = 30_000
)

// ChurnMatrix is every mode with every choice that makes a difference to it. A
// pool closes nothing, so its one cell stands for six.
func ChurnMatrix() (all []ChurnVariant) {
	for _, mode := range []string{PerRequest, KeepAlive} {
		for _, first := range []string{"client", "server"} {
			for reuse := range 3 {
				all = append(all, ChurnVariant{mode, first, reuse})
			}
		}
	}
	return append(all, ChurnVariant{Pool, "client", 0})
}

// JoinChurn puts the outcomes of several churns into one. It fell short if one of
// them did, and its findings are those of the worst.
func JoinChurn(runs []*result.Result) *result.Result {
	r := *runs[0]
	r.Interrupt = runs[len(runs)-1].Interrupt
	r.Conns, r.Echo, r.Heat, r.Setup, r.CPU = result.Conns{}, nil, nil, nil, nil
	r.Limits, r.Spread, r.Warnings, r.Usage, r.Findings, r.Churn = nil, nil, nil, nil, nil, nil
	r.Plan.Conns, r.Behind = 0, false
	r.ChurnMatrix = &result.ChurnMatrix{LocalPorts: matrixPorts, Buckets: MatrixBuckets}
	for _, one := range runs {
		if one.Churn != nil {
			cell := *one.Churn
			cell.Series = nil
			r.ChurnMatrix.Cells = append(r.ChurnMatrix.Cells, cell)
		}
		r.Behind = r.Behind || ChurnFailed(one)
		if len(one.Findings) > 0 && (len(r.Findings) == 0 || one.Findings[0].Severity > r.Findings[0].Severity) {
			r.Findings = one.Findings
		}
		r.Warnings = append(r.Warnings, one.Warnings...)
	}
	compareModes(r.ChurnMatrix)
	return &r
}

// compareModes sets the best of each mode beside the best of per-request.
func compareModes(m *result.ChurnMatrix) {
	best := map[string]float64{}
	for _, c := range m.Cells {
		best[c.Mode] = max(best[c.Mode], c.Rate)
	}
	of := func(mode string) *float64 {
		if best[mode] == 0 || best[PerRequest] == 0 {
			return nil
		}
		times := best[mode] / best[PerRequest]
		return &times
	}
	m.KeepAliveTimes, m.PoolTimes = of(KeepAlive), of(Pool)
}
