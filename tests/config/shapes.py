"""Classes that configurations of the tests name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


class Shape:
    def __init__(self, **kwargs):
        self.kwargs = kwargs


class Circle(Shape):
    def __init__(self, radius, name="circle", *, colour=None):
        super().__init__(radius=radius, name=name, colour=colour)


class Open(Shape):
    pass


class Broken(Shape):
    def __init__(self):
        raise KeyError("inside")


class WrongCall(Shape):
    def __init__(self):
        len(1)


class Unfinished(Shape, ABC):
    @abstractmethod
    def area(self):
        """Nobody knows."""


@dataclass
class Holder:
    inner: object


def make_circle(radius):
    return Circle(radius)


NUMBER = 3
