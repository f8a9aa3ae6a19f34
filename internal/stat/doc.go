// Package stat tells differences from noise: medians, and the chance that two
// samples come from one source. It is pure.
package stat
