package result

import "encoding/json"

// Measured says whether the cost of a connection was measured, not only the
// memory in use.
func (m *Memory) Measured() bool { return m != nil && m.Method != "" }

// MarshalJSON leaves out what was not measured: a cost per connection of 0 and
// no cost known are not the same.
func (m Memory) MarshalJSON() ([]byte, error) {
	type fields Memory // without this method
	if m.Measured() {
		return json.Marshal(fields(m))
	}
	// A field of the outer struct hides the inner one of the same name, and is
	// never set.
	return json.Marshal(struct {
		fields
		Method          *string  `json:"method,omitempty"`
		BothEnds        *bool    `json:"both_ends,omitempty"`
		KernelPerConn   *float64 `json:"kernel_bytes_per_conn,omitempty"`
		KernelPerSocket *float64 `json:"kernel_bytes_per_socket,omitempty"`
		ClientPerConn   *float64 `json:"client_bytes_per_conn,omitempty"`
		TotalPerConn    *float64 `json:"total_bytes_per_conn,omitempty"`
		At10M           *float64 `json:"at_10m_bytes,omitempty"`
		Fit             *Fit     `json:"fit,omitempty"`
		Plain           *Parts   `json:"plain,omitempty"`
	}{fields: fields(m)})
}
