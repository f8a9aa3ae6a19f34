package result

import (
	_ "example.org/frames"
	_ "example.org/kernel"
)
