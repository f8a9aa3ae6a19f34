package result

import "encoding/json"

// Measured says whether the cost of a connection was measured, not only the
// memory in use.
func (m *Memory) Measured() bool { return m != nil && m.Method != "" && m.Withheld == nil }

// InPages is the total in pages, with what readers of /proc/PID/fd left: what
// Outside is to agree with. known is false where one of them is not.
func (m *Memory) InPages() (bytesPerConn float64, known bool) {
	total := m.TotalPerConn
	if m.PagesPerConn != nil { // older results counted the kernel's part in pages
		total += *m.PagesPerConn - m.KernelPerConn
	}
	if m.WalkedPerConn != nil {
		total += *m.WalkedPerConn
	}
	return total, m.Outside != nil && *m.Outside != 0
}

// MarshalJSON leaves out what was not measured: a cost per connection of 0 and
// no cost known are not the same.
func (m Memory) MarshalJSON() ([]byte, error) {
	type fields Memory // without this method
	if m.Measured() {
		return json.Marshal(fields(m))
	}
	// A field of the outer struct hides the inner one of the same name; apart
	// from the method, none is set.
	return json.Marshal(struct {
		fields
		Method          string   `json:"method,omitempty"`
		BothEnds        *bool    `json:"both_ends,omitempty"`
		KernelPerConn   *float64 `json:"kernel_bytes_per_conn,omitempty"`
		KernelPerSocket *float64 `json:"kernel_bytes_per_socket,omitempty"`
		ClientPerConn   *float64 `json:"client_bytes_per_conn,omitempty"`
		ServerPerConn   *float64 `json:"server_bytes_per_conn,omitempty"`
		ServerBelow     *float64 `json:"server_below_bytes_per_conn,omitempty"`
		ClientBelow     *float64 `json:"client_below_bytes_per_conn,omitempty"`
		SocketsPerConn  *float64 `json:"sockets_per_conn,omitempty"`
		PagesPerConn    *float64 `json:"page_bytes_per_conn,omitempty"`
		Outside         *float64 `json:"outside_bytes_per_conn,omitempty"`
		WalkedPerConn   *float64 `json:"walked_bytes_per_conn,omitempty"`
		Caches          []Cache  `json:"caches,omitempty"`
		TotalPerConn    *float64 `json:"total_bytes_per_conn,omitempty"`
		At10M           *float64 `json:"at_10m_bytes,omitempty"`
		Fit             *Fit     `json:"fit,omitempty"`
		Plain           *Parts   `json:"plain,omitempty"`
	}{fields: fields(m), Method: m.Method})
}
