package result

// Peak is the highest number of users that met none of the conditions.
type Peak struct {
	Mode     string `json:"mode"` // see Load
	Requests int64  `json:"requests_per_conn,omitempty"`
	// Users is absent where the first step met a condition already. LowerBound: so
	// many were the most that was tried, and the limit is above them.
	Users      *int64     `json:"users,omitempty"`
	LowerBound bool       `json:"lower_bound,omitempty"`
	Rate       *float64   `json:"rate,omitempty"` // transactions per second of so many users
	P99        *int64     `json:"p99_ns,omitempty"`
	BreaksAt   *int64     `json:"breaks_at_users,omitempty"` // the fewest that met one
	Broke      string     `json:"broke,omitempty"`           // which one
	Steps      []PeakStep `json:"steps"`                     // from the fewest users on
}

// PeakStep is one number of users, and what came of it.
type PeakStep struct {
	Users      int64   `json:"users"`
	Rate       float64 `json:"rate"`
	P50        *int64  `json:"p50_ns,omitempty"`
	P99        *int64  `json:"p99_ns,omitempty"`
	ErrorShare float64 `json:"error_share"`
	Broke      string  `json:"broke,omitempty"` // the condition that it met
}
