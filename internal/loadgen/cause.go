package loadgen

import (
	"errors"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// cause is a phase and a reason; each thread counts causes in a flat array. The
// cure for each is in package report.
type cause uint8

const (
	noCause cause = iota // nothing is wrong
	socketFDLimit
	socketFileMax
	socketNoMemory
	socketOther
	bindNoAddress
	bindOther
	connectNoAddress
	connectRefused
	connectReset
	connectTimeout
	connectUnreachable
	connectNoMemory
	connectSelf
	connectOther
	epollNoWatches
	epollOther
	tlsTimeout
	tlsClosed
	tlsNotTLS
	tlsExpired
	tlsUnknownAuthority
	tlsWrongName
	tlsBadCertificate
	tlsVersion
	tlsCipher
	tlsProtocol
	tlsAlertCertificate
	tlsAlertHandshake
	tlsAlertName
	tlsAlertProtocol
	tlsAlert
	tlsOther
	handshakeTimeout
	handshakeClosed
	handshakeStatus200
	handshakeStatus301
	handshakeStatus302
	handshakeStatus307
	handshakeStatus308
	handshakeStatus400
	handshakeStatus401
	handshakeStatus403
	handshakeStatus404
	handshakeStatus405
	handshakeStatus426
	handshakeStatus429
	handshakeStatus500
	handshakeStatus502
	handshakeStatus503
	handshakeStatus504
	handshakeStatusOther
	handshakeTLS
	handshakeEchoed
	handshakeNotHTTP
	handshakeHTTPVersion
	handshakeMalformed
	handshakeTooLong
	handshakeNoUpgrade
	handshakeAccept
	handshakeExtension
	handshakeSubprotocol
	handshakeDeflate
	readClosed
	readReset
	readTimeout
	readOther
	readProtocol
	readCompressed
	readInflate
	readAlertCertificate
	readAlert
	readTLS
	readClose1000
	readClose1001
	readClose1002
	readClose1003
	readCloseNone
	readClose1007
	readClose1008
	readClose1009
	readClose1010
	readClose1011
	readClose1012
	readClose1013
	readClose1014
	readCloseApp
	writeClosed
	writeOther
	echoMismatch
	echoText
	echoBinary
	echoTLS
	echoHTTP
	echoSurplus
	echoTimeout
	echoOverdue
	echoSkipped
	pingTimeout
	closeTimeout
	nCauses
)

// causeTable says how each cause is counted.
var causeTable = [nCauses]struct {
	phase, reason string
	status        int    // of the answer to a handshake, RFC 9110 section 15; 0: none
	code          uint16 // of the server's close frame, RFC 6455 section 7.4; 0: none
	byPeer        bool   // the peer ended an established connection, or the network did
}{
	socketFDLimit:        {phase: "socket", reason: "fd_limit"},
	socketFileMax:        {phase: "socket", reason: "file_max"},
	socketNoMemory:       {phase: "socket", reason: "no_memory"},
	socketOther:          {phase: "socket", reason: "other"},
	bindNoAddress:        {phase: "bind", reason: "no_address"},
	bindOther:            {phase: "bind", reason: "other"},
	connectNoAddress:     {phase: "connect", reason: "no_address"},
	connectRefused:       {phase: "connect", reason: "refused"},
	connectReset:         {phase: "connect", reason: "reset"},
	connectTimeout:       {phase: "connect", reason: "timeout"},
	connectUnreachable:   {phase: "connect", reason: "unreachable"},
	connectNoMemory:      {phase: "connect", reason: "no_memory"},
	connectSelf:          {phase: "connect", reason: "self"},
	connectOther:         {phase: "connect", reason: "other"},
	epollNoWatches:       {phase: "epoll", reason: "no_watches"},
	epollOther:           {phase: "epoll", reason: "other"},
	tlsTimeout:           {phase: "tls", reason: "timeout"},
	tlsClosed:            {phase: "tls", reason: "closed"},
	tlsNotTLS:            {phase: "tls", reason: "not_tls"},
	tlsExpired:           {phase: "tls", reason: "expired"},
	tlsUnknownAuthority:  {phase: "tls", reason: "unknown_authority"},
	tlsWrongName:         {phase: "tls", reason: "wrong_name"},
	tlsBadCertificate:    {phase: "tls", reason: "bad_certificate"},
	tlsVersion:           {phase: "tls", reason: "version"},
	tlsCipher:            {phase: "tls", reason: "cipher"},
	tlsProtocol:          {phase: "tls", reason: "protocol"},
	tlsAlertCertificate:  {phase: "tls", reason: "alert_certificate"},
	tlsAlertHandshake:    {phase: "tls", reason: "alert_handshake"},
	tlsAlertName:         {phase: "tls", reason: "alert_name"},
	tlsAlertProtocol:     {phase: "tls", reason: "alert_protocol"},
	tlsAlert:             {phase: "tls", reason: "alert"},
	tlsOther:             {phase: "tls", reason: "other"},
	handshakeTimeout:     {phase: "handshake", reason: "timeout"},
	handshakeClosed:      {phase: "handshake", reason: "closed"},
	handshakeStatus200:   {phase: "handshake", reason: "status_200", status: 200},
	handshakeStatus301:   {phase: "handshake", reason: "status_301", status: 301},
	handshakeStatus302:   {phase: "handshake", reason: "status_302", status: 302},
	handshakeStatus307:   {phase: "handshake", reason: "status_307", status: 307},
	handshakeStatus308:   {phase: "handshake", reason: "status_308", status: 308},
	handshakeStatus400:   {phase: "handshake", reason: "status_400", status: 400},
	handshakeStatus401:   {phase: "handshake", reason: "status_401", status: 401},
	handshakeStatus403:   {phase: "handshake", reason: "status_403", status: 403},
	handshakeStatus404:   {phase: "handshake", reason: "status_404", status: 404},
	handshakeStatus405:   {phase: "handshake", reason: "status_405", status: 405},
	handshakeStatus426:   {phase: "handshake", reason: "status_426", status: 426},
	handshakeStatus429:   {phase: "handshake", reason: "status_429", status: 429},
	handshakeStatus500:   {phase: "handshake", reason: "status_500", status: 500},
	handshakeStatus502:   {phase: "handshake", reason: "status_502", status: 502},
	handshakeStatus503:   {phase: "handshake", reason: "status_503", status: 503},
	handshakeStatus504:   {phase: "handshake", reason: "status_504", status: 504},
	handshakeStatusOther: {phase: "handshake", reason: "status_other"},
	handshakeTLS:         {phase: "handshake", reason: "tls"},
	handshakeEchoed:      {phase: "handshake", reason: "echoed"},
	handshakeNotHTTP:     {phase: "handshake", reason: "not_http"},
	handshakeHTTPVersion: {phase: "handshake", reason: "http_version"},
	handshakeMalformed:   {phase: "handshake", reason: "malformed"},
	handshakeTooLong:     {phase: "handshake", reason: "too_long"},
	handshakeNoUpgrade:   {phase: "handshake", reason: "no_upgrade"},
	handshakeAccept:      {phase: "handshake", reason: "accept"},
	handshakeExtension:   {phase: "handshake", reason: "extension"},
	handshakeSubprotocol: {phase: "handshake", reason: "subprotocol"},
	handshakeDeflate:     {phase: "handshake", reason: "deflate"},
	readClosed:           {phase: "read", reason: "closed", byPeer: true},
	readReset:            {phase: "read", reason: "reset", byPeer: true},
	readTimeout:          {phase: "read", reason: "timeout", byPeer: true},
	readOther:            {phase: "read", reason: "other"},
	readProtocol:         {phase: "read", reason: "protocol"},
	readCompressed:       {phase: "read", reason: "compressed"},
	readInflate:          {phase: "read", reason: "inflate"},
	readAlertCertificate: {phase: "read", reason: "alert_certificate", byPeer: true},
	readAlert:            {phase: "read", reason: "alert", byPeer: true},
	readTLS:              {phase: "read", reason: "tls"},
	readClose1000:        {phase: "read", reason: "close_1000", code: 1000, byPeer: true},
	readClose1001:        {phase: "read", reason: "close_1001", code: 1001, byPeer: true},
	readClose1002:        {phase: "read", reason: "close_1002", code: 1002, byPeer: true},
	readClose1003:        {phase: "read", reason: "close_1003", code: 1003, byPeer: true},
	readCloseNone:        {phase: "read", reason: "close_none", code: ws.CodeNone, byPeer: true},
	readClose1007:        {phase: "read", reason: "close_1007", code: 1007, byPeer: true},
	readClose1008:        {phase: "read", reason: "close_1008", code: 1008, byPeer: true},
	readClose1009:        {phase: "read", reason: "close_1009", code: 1009, byPeer: true},
	readClose1010:        {phase: "read", reason: "close_1010", code: 1010, byPeer: true},
	readClose1011:        {phase: "read", reason: "close_1011", code: 1011, byPeer: true},
	readClose1012:        {phase: "read", reason: "close_1012", code: 1012, byPeer: true},
	readClose1013:        {phase: "read", reason: "close_1013", code: 1013, byPeer: true},
	readClose1014:        {phase: "read", reason: "close_1014", code: 1014, byPeer: true},
	readCloseApp:         {phase: "read", reason: "close_app", byPeer: true},
	writeClosed:          {phase: "write", reason: "closed", byPeer: true},
	writeOther:           {phase: "write", reason: "other"},
	echoMismatch:         {phase: "echo", reason: "mismatch"},
	echoText:             {phase: "echo", reason: "text"},
	echoBinary:           {phase: "echo", reason: "binary"},
	echoTLS:              {phase: "echo", reason: "tls"},
	echoHTTP:             {phase: "echo", reason: "http"},
	echoSurplus:          {phase: "echo", reason: "surplus"},
	echoTimeout:          {phase: "echo", reason: "timeout"},
	echoOverdue:          {phase: "echo", reason: "overdue"},
	echoSkipped:          {phase: "echo", reason: "skipped"},
	pingTimeout:          {phase: "ping", reason: "timeout"},
	closeTimeout:         {phase: "close", reason: "timeout"},
}

// String is the key of result.ErrorCounts: phase_reason.
func (c cause) String() string { return causeTable[c].phase + "_" + causeTable[c].reason }

// Causes are the names that Tally.Errors may hold.
func Causes() []string {
	var names []string
	for c := noCause + 1; c < nCauses; c++ {
		names = append(names, c.String())
	}
	return names
}

// socketCause maps the errors of socket(2).
func socketCause(e sys.Errno) cause {
	switch e {
	case sys.EMFILE:
		return socketFDLimit
	case sys.ENFILE:
		return socketFileMax
	case sys.ENOBUFS, sys.ENOMEM:
		return socketNoMemory
	}
	return socketOther
}

// connectCause maps the errors of connect(2), at once or through SO_ERROR.
func connectCause(e sys.Errno) cause {
	switch e {
	case sys.EADDRNOTAVAIL, sys.EADDRINUSE:
		return connectNoAddress
	case sys.ECONNREFUSED:
		return connectRefused
	case sys.ECONNRESET, sys.EPIPE:
		return connectReset
	case sys.ETIMEDOUT:
		return connectTimeout
	case sys.EHOSTUNREACH, sys.ENETUNREACH:
		return connectUnreachable
	case sys.ENOBUFS, sys.ENOMEM:
		return connectNoMemory
	}
	return connectOther
}

// readCause maps the errors of read(2); 0 is the end of the stream.
func readCause(e sys.Errno) cause {
	switch e {
	case 0:
		return readClosed
	case sys.ECONNRESET, sys.EPIPE, sys.ECONNABORTED:
		return readReset
	case sys.ETIMEDOUT, sys.EHOSTUNREACH, sys.ENETUNREACH:
		return readTimeout
	}
	return readOther
}

// writeCause maps the errors of send(2).
func writeCause(e sys.Errno) cause {
	if e == sys.EPIPE || e == sys.ECONNRESET {
		return writeClosed
	}
	return writeOther
}

// handshakeErrors are what ws.Template.CheckResponse finds wrong with an answer
// of HTTP.
var handshakeErrors = []struct {
	err error
	why cause
}{
	{ws.ErrVersion, handshakeHTTPVersion},
	{ws.ErrResponseTooLong, handshakeTooLong},
	{ws.ErrUpgrade, handshakeNoUpgrade},
	{ws.ErrConnection, handshakeNoUpgrade},
	{ws.ErrAccept, handshakeAccept},
	{ws.ErrExtension, handshakeExtension},
	{ws.ErrDeflate, handshakeDeflate},
	{ws.ErrSubprotocol, handshakeSubprotocol},
}

// handshakeCause maps what ws.Template.CheckResponse finds wrong with an answer.
func handshakeCause(err error, answer []byte) cause {
	var status ws.StatusError
	switch {
	case isTLS(answer) || isHTTPForTLS(answer):
		return handshakeTLS
	case isRequest(answer):
		return handshakeEchoed
	case errors.Is(err, ws.ErrNotHTTP):
		return handshakeNotHTTP
	case errors.As(err, &status):
		return statusCause(int(status))
	}
	for _, e := range handshakeErrors {
		if errors.Is(err, e.err) {
			return e.why
		}
	}
	return handshakeMalformed
}

// statusCause is the cause for an answer that is not 101 Switching Protocols.
func statusCause(status int) cause {
	for c := handshakeStatus200; c < handshakeStatusOther; c++ {
		if causeTable[c].status == status {
			return c
		}
	}
	return handshakeStatusOther
}

// closeCause is the cause for a close frame of the server. Codes that RFC 6455
// does not name belong to the application (section 7.4.2).
func closeCause(code uint16) cause {
	for c := readClose1000; c < readCloseApp; c++ {
		if causeTable[c].code == code {
			return c
		}
	}
	return readCloseApp
}

// isTLS says whether a cause is one of TLS.
func (c cause) isTLS() bool { return c >= tlsTimeout && c <= tlsOther }

// ofOpen is the cause of TLS for a connection that was open already: a server that
// refuses a client's certificate says so after the client's handshake is over, RFC
// 8446 section 4.4.2.4.
func (c cause) ofOpen() cause {
	switch {
	case c == tlsAlertCertificate:
		return readAlertCertificate
	case c >= tlsAlertHandshake && c <= tlsAlert:
		return readAlert
	case c.isTLS():
		return readTLS
	}
	return c
}

// tlsCause maps what a TLS handshake, or a read, ended with. The reasons are those
// of package secure.
func tlsCause(err error) cause {
	reason := secure.CauseOf(err).String()
	for c := tlsTimeout; c < tlsOther; c++ {
		if causeTable[c].reason == reason {
			return c
		}
	}
	return tlsOther
}

// causes are the counts of one thread.
type causes [nCauses]int64

// addTo adds the non-zero counts to e, by their names after a prefix.
func (c *causes) addTo(e result.ErrorCounts, prefix string) {
	for i, n := range c {
		if n != 0 {
			e[prefix+cause(i).String()] += n
		}
	}
}
