"""The one price: behind the button, the hold and the command line alike."""

from generations.request import GenerationRequest


def price_each(request: GenerationRequest) -> int:
    """Credits for one generation of the order."""
    return request.spec.credits


def price(request: GenerationRequest) -> int:
    """Credits for the whole order."""
    return price_each(request) * request.count


def part_of(price_credits: int, *, good: int, expected: int) -> int:
    """What is charged when only some of the images could be kept: in proportion, rounded up."""
    if good <= 0:
        return 0
    return min(price_credits, -(-price_credits * good // expected))
