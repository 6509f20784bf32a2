// SPDX-License-Identifier: LGPL-3.0-or-later

//go:build !js

package main

func main() {}
