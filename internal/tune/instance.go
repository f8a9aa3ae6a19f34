package tune

import (
	"github.com/c10m/c10m/internal/plan"
)

// Instance is an EC2 instance type. MiB is its nominal memory.
type Instance struct {
	Type   string `json:"type"`
	Family string `json:"family"`
	VCPU   int    `json:"vcpu"`
	MiB    int64  `json:"mib"`
	ARM    bool   `json:"arm64,omitempty"`
}

// InstancesDate is when the table was written down. It is not complete.
const InstancesDate = "2026-11"

// family is the sizes of one family, smallest first.
type family struct {
	name  string
	arm   bool
	sizes sizes
}

type sizes []struct {
	name string
	vcpu int
	gib  float64
}

// families are memory-optimised types with 7.6 GiB a vCPU and up. No prices:
// they differ by region and day.
var families = []family{
	{"r3", false, sizes{{"large", 2, 15.25}, {"xlarge", 4, 30.5}, {"2xlarge", 8, 61}, {"4xlarge", 16, 122},
		{"8xlarge", 32, 244}}},
	{"r5", false, sizes{{"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}, {"24xlarge", 96, 768}}},
	{"r6i", false, sizes{{"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}, {"24xlarge", 96, 768}, {"32xlarge", 128, 1024}}},
	{"r6g", true, sizes{{"medium", 1, 8}, {"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}}},
	{"r7i", false, sizes{{"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}, {"24xlarge", 96, 768}, {"48xlarge", 192, 1536}}},
	{"r7g", true, sizes{{"medium", 1, 8}, {"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}}},
	{"r8g", true, sizes{{"medium", 1, 8}, {"large", 2, 16}, {"xlarge", 4, 32}, {"2xlarge", 8, 64}, {"4xlarge", 16, 128},
		{"8xlarge", 32, 256}, {"12xlarge", 48, 384}, {"16xlarge", 64, 512}, {"24xlarge", 96, 768}, {"48xlarge", 192, 1536}}},
	{"x2gd", true, sizes{{"medium", 1, 16}, {"large", 2, 32}, {"xlarge", 4, 64}, {"2xlarge", 8, 128},
		{"4xlarge", 16, 256}, {"8xlarge", 32, 512}, {"12xlarge", 48, 768}, {"16xlarge", 64, 1024}}},
	{"x1e", false, sizes{{"xlarge", 4, 122}, {"2xlarge", 8, 244}, {"4xlarge", 16, 488}, {"8xlarge", 32, 976},
		{"16xlarge", 64, 1952}, {"32xlarge", 128, 3904}}},
}

// Instances are all types of the table, family by family, smallest first.
func Instances() []Instance {
	var all []Instance
	for _, f := range families {
		for _, s := range f.sizes {
			all = append(all, Instance{Type: f.name + "." + s.name, Family: f.name, VCPU: s.vcpu, MiB: int64(s.gib * 1024),
				ARM: f.arm})
		}
	}
	return all
}

// ExampleInstance is the machine of Sizing.Examples.
const ExampleInstance = "r3.4xlarge"

// usable is how much of a machine's nominal memory, in bytes, there is for connections
// and the system: less the kernel's page structs and the reserve that stays free.
func (t Target) usable(bytes int64) int64 {
	memory := bytes - bytes/t.page()*PageStructs.Bytes
	return memory / 100 * (100 - plan.MemoryReservePercent)
}
