"""Routing data into a route image: all the slow thinking is done here, once a generation."""

from vnroute.compiler.build import build_generation
from vnroute.compiler.compile import Compiled, Progress, compile_image

__all__ = ["Compiled", "Progress", "build_generation", "compile_image"]
