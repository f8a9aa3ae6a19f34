package plan

// TLS is how connections are secured, RFC 8446. What stands in files is kept as
// its contents, in PEM: a plan goes to other processes and machines, where the
// files are not. It belongs to a Target, which no result file keeps, because Key
// is a secret.
type TLS struct {
	On        bool     // of all places but those that are Plain
	Insecure  bool     // take any certificate
	CA        string   // who signs the servers' certificates; "": those whom the system trusts
	Cert, Key string   // of the client, where a server asks for it; "": none
	SNI       string   // the name that is asked for and verified; "": the destination's own
	ALPN      []string // application protocols offered, RFC 7301; nil: none
	Resume    Resume
}

// Resume says which connections offer to resume an earlier session, RFC 8446
// section 2.2, so that the server need not prove again who it is.
type Resume string

// Who resumes. ResumeReturning is what a run's users do: the first handshake of
// each is a full one, and a connection that is opened again resumes.
const (
	ResumeReturning Resume = "returning"
	ResumeAll       Resume = "all"  // all but the very first
	ResumeNone      Resume = "none" // every handshake is a full one
)
