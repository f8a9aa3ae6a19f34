package report

// liveCauses are the words of the live page for what is counted as an error, by the
// end that counts it. What a client counts has a cure, which is in the report as well.
func liveCauses() map[string]map[string]string {
	server := map[string]string{}
	for cause, r := range refusals {
		server[cause] = r.why
	}
	return map[string]map[string]string{"client": cures, "server": server}
}
