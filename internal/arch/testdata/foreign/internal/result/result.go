package result

import (
	_ "example.org/frames"
	_ "example.org/kernel/deep"
	_ "example.org/unheard"
)
