package main

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// documents are those of a YAML file; whatever is written twice, or is no YAML, ends
// the test.
func documents(t *testing.T, file string) (all []map[string]any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for in := yaml.NewDecoder(f); ; {
		var one map[string]any
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, one)
	}
}

// at follows keys, and numbers of lists, into a document; nil where there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// words are a list of strings.
func words(v any) (all []string) {
	list, _ := v.([]any)
	for _, one := range list {
		s, _ := one.(string)
		all = append(all, s)
	}
	return all
}

// ourFlags complains of flags that a command of ours does not have.
func ourFlags(t *testing.T, where string, line []string) {
	t.Helper()
	if len(line) < 2 || line[0] != "client" {
		t.Fatalf("%s: %q is no command of the client", where, line)
	}
	if strings.HasPrefix(line[1], "--") || isTarget(strings.Trim(line[1], "'")) { // without a command it holds
		line = slices.Insert(slices.Clone(line), 1, "hold")
	}
	for _, c := range program().Commands {
		if c.Name != line[1] {
			continue
		}
		for _, word := range line[2:] {
			if name, is := strings.CutPrefix(word, "--"); is && !slices.Contains(c.Flags.Standing(""), name) {
				t.Errorf("%s: client %s has no flag --%s", where, line[1], name)
			}
		}
		return
	}
	t.Errorf("%s: there is no client %s", where, line[1])
}

// The manifest of agents in a cluster says what the comments in it promise.
func TestKubernetesAgents(t *testing.T) {
	const file = "../scripts/k8s/agents.yaml"
	all := documents(t, file)
	if len(all) != 1 {
		t.Fatalf("%d documents", len(all))
	}
	job := all[0]
	pod := at(job, "spec", "template", "spec")
	agent := at(pod, "containers", 0)
	for _, tt := range []struct {
		got, want any
	}{
		{at(job, "apiVersion"), "batch/v1"}, {at(job, "kind"), "Job"}, {at(job, "spec", "completionMode"), "Indexed"},
		{at(job, "spec", "completions"), at(job, "spec", "parallelism")},
		{at(job, "spec", "template", "metadata", "labels", "app"),
			at(pod, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", 0, "labelSelector",
				"matchLabels", "app")},
		{at(pod, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", 0, "topologyKey"),
			"kubernetes.io/hostname"},
		{at(pod, "restartPolicy"), "OnFailure"}, {at(pod, "automountServiceAccountToken"), false},
		{at(pod, "securityContext", "runAsNonRoot"), true},
		{at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		{at(pod, "securityContext", "sysctls", 0, "name"), "net.ipv4.ip_local_port_range"},
		{at(pod, "securityContext", "sysctls", 0, "value"), "1024 65535"},
		{at(agent, "securityContext", "allowPrivilegeEscalation"), false},
		{at(agent, "securityContext", "readOnlyRootFilesystem"), true},
		{at(agent, "securityContext", "capabilities", "drop", 0), "ALL"},
		{at(pod, "volumes", 0, "secret", "secretName"), "c10m-join"},
		{at(pod, "volumes", 0, "secret", "defaultMode"), 0o440},
		{at(agent, "volumeMounts", 0, "name"), at(pod, "volumes", 0, "name")},
		{at(agent, "volumeMounts", 1, "name"), at(pod, "volumes", 1, "name")},
		{at(agent, "workingDir"), at(agent, "volumeMounts", 1, "mountPath")},
	} {
		if tt.got == nil || tt.got != tt.want {
			t.Errorf("%s: %v, want %v", file, tt.got, tt.want)
		}
	}
	line := slices.Concat(words(at(agent, "command")), words(at(agent, "args")))
	ourFlags(t, file, line)
	if !slices.Contains(line, "/join/"+joinFile) {
		t.Errorf("%s: %q does not read the join file of the Secret", file, line)
	}
}

// Compose starts a server, three agents and the coordinator, which meet.
func TestComposeFleet(t *testing.T) {
	const file = "../compose.yaml"
	all := documents(t, file)
	if len(all) != 1 {
		t.Fatalf("%d documents", len(all))
	}
	services := all[0]["services"]
	agent, lead := words(at(services, "agent", "command")), words(at(services, "fleet", "command"))
	ourFlags(t, file, agent)
	ourFlags(t, file, lead)
	after := func(line []string, flag string) string {
		if i := slices.Index(line, flag); i >= 0 && i+1 < len(line) {
			return line[i+1]
		}
		return ""
	}
	address := func(service string) any { return at(services, service, "networks", "fleet", "ipv4_address") }
	dir, _ := at(services, "fleet", "working_dir").(string)
	for _, tt := range []struct {
		got, want any
	}{
		{at(services, "agent", "deploy", "replicas"), 3}, {after(lead, "--fleet"), "3"},
		{after(lead, "--host"), address("server")},
		{strings.TrimSuffix(after(lead, "--listen"), ":4222"), address("fleet")},
		{after(agent, "--join"), dir + "/" + joinFile},
		{at(services, "agent", "volumes", 0), "join:" + dir}, {at(services, "fleet", "volumes", 0), "join:" + dir},
		{at(all[0], "networks", "fleet", "ipam", "config", 0, "subnet"), after(agent, "--allow")},
		{after(words(at(services, "server", "command")), "--ports"), after(lead, "--ports")},
	} {
		if tt.got == nil || tt.got != tt.want {
			t.Errorf("%s: %v, want %v", file, tt.got, tt.want)
		}
	}
}

// The commands of the documents and of the units have the flags that they name.
func TestDocumentedCommands(t *testing.T) {
	commands := regexp.MustCompile(`bin/(client [^#\n` + "`" + `]*)`)
	n := 0
	for _, file := range []string{"../docs/fleet.md", "../docs/servers.md", "../scripts/k8s/agents.yaml",
		"../scripts/systemd/c10m-agent.service", "../scripts/ec2/user-data.sh", "../README.md"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "\\\n", " ")
		for _, m := range commands.FindAllStringSubmatch(text, -1) {
			var line []string
			for _, word := range strings.Fields(m[1]) {
				word, _, _ = strings.Cut(word, "=")
				line = append(line, word)
			}
			ourFlags(t, file, line)
			n++
		}
	}
	if n < 15 {
		t.Errorf("only %d commands found", n)
	}
}
