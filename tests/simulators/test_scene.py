"""The rendered scenes: determinism, the truth about a picture, and that the truth is in the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from simulators.scene import KINDS, LAYOUTS, CameraScene, SceneError, SceneEvent, encode, zones
from simulators.scene.bikes import is_scooter, parked

SIZE = (192, 108)
NOON, EVENING, NIGHT = 12.0, 20.0, 2.0


def scene(*events: SceneEvent, layout: str = "row", seed: int = 3) -> CameraScene:
    return CameraScene(layout, seed, *SIZE, events=events)


def zone_mask(layout: str, zone_id: str) -> np.ndarray:
    polygon = next(zone["polygon"] for zone in zones(layout) if zone["id"] == zone_id)
    mask = np.zeros(SIZE[::-1], dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(polygon) * SIZE).astype(np.int32)], 1)
    return mask.astype(bool)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other.astype(int)).max(axis=2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_picture_is_bgr_of_the_size_asked(layout: str) -> None:
    """A picture has the size asked for, three channels of 8 bits, and is neither black nor white."""
    image = scene(layout=layout).render(5.0, NOON).image

    assert image.shape == (108, 192, 3)
    assert image.dtype == np.uint8
    assert 40 < image.mean() < 200
    assert image.std() > 20


def test_same_question_same_bytes() -> None:
    """Two scenes of one seed and the same events give the same bytes; another seed gives another shed."""
    events = (SceneEvent("smoke", 5.0, place="bay-2"), SceneEvent("bike_parked", 12.0))

    first, second = (encode(scene(*events).render(30.0, NOON).image) for _ in range(2))
    other = encode(scene(*events, seed=4).render(30.0, NOON).image)

    assert first == second
    assert first != other


def test_frame_rate_does_not_matter() -> None:
    """The picture at a time is the same whether every quarter of a second was rendered before it or none."""
    events = (
        SceneEvent("smoke", 0.0, place="bay-3"), SceneEvent("flame", 1.0, place="bay-3"), SceneEvent("insects", 0.0),
        SceneEvent("rain", 0.0), SceneEvent("person_walks", 0.0), SceneEvent("headlight", 0.0), SceneEvent("junk", 2.0),
        SceneEvent("cigarette", 0.0), SceneEvent("fog", 0.0), SceneEvent("lamp_off", 1.0),
    )  # fmt: skip
    often, once = scene(*events), scene(*events)
    for step in range(12):
        often.render(step / 4, EVENING)

    assert np.array_equal(often.render(3.0, EVENING).image, once.render(3.0, EVENING).image)


def test_the_sensor_is_never_silent() -> None:
    """Two pictures of a still shed differ by noise, and only by noise."""
    still = scene(seed=4)
    one, other = still.render(100.0, NOON).image, still.render(100.2, NOON).image
    moved = difference(one, other)

    assert 0.5 < moved.mean() < 8
    assert np.percentile(moved, 95) < 24


def test_a_frozen_camera_repeats_itself() -> None:
    """While frozen, every picture is the one of the start, to the last bit; afterwards life goes on."""
    frozen = scene(SceneEvent("frozen", 10.0, 20.0))
    pictures = [frozen.render(t_s, NOON + t_s / 3600) for t_s in (10.0, 13.0, 19.9)]
    after = frozen.render(20.1, NOON)

    assert all(np.array_equal(pictures[0].image, picture.image) for picture in pictures)
    assert pictures[0].truth.faults == ("frozen",)
    assert not np.array_equal(pictures[0].image, after.image)
    assert after.truth.faults == ()


def test_smoke_is_there_only_after_its_start_and_grows() -> None:
    """No smoke before the start; a wisp, then a plume, spreading from the bay upwards."""
    smoking = scene(SceneEvent("smoke", 10.0, place="bay-3"))
    clear = scene()
    density = [smoking.render(t_s, NOON).truth.smoke_density for t_s in (9.9, 14.0, 40.0, 90.0)]

    assert density[0] == 0
    assert 0 < density[1] < 0.01
    assert density[1] < density[2] < density[3]
    assert density[3] > 0.05

    wisp = smoking.render(20.0, NOON)
    box = wisp.truth.smoke_box
    assert box is not None
    changed = difference(wisp.image, clear.render(20.0, NOON).image) > 6
    x, y, width, height = (round(a * b) for a, b in zip(box, (*SIZE, *SIZE), strict=True))
    inside = changed[y : y + height, x : x + width].sum()
    assert inside > 20
    assert inside > 0.9 * changed.sum()


def test_smoke_begins_at_its_bay() -> None:
    """The first wisp is seen in the zone of the bay it comes from."""
    for bay in ("bay-2", "bay-5"):
        early = scene(SceneEvent("smoke", 0.0, place=bay)).render(3.0, NOON)
        x, y, width, height = early.truth.smoke_box
        foot = (round((x + width / 2) * SIZE[0]), round((y + height) * SIZE[1]) - 1)

        assert zone_mask("row", bay)[foot[1], foot[0]]


def test_smoke_is_as_dark_as_asked() -> None:
    """White smoke brightens what is behind it, black smoke of the same density darkens it."""
    seen = {}
    for darkness in (0.0, 1.0):
        plume = scene(SceneEvent("smoke", 0.0, place="bay-3", darkness=darkness), layout="corner").render(100.0, NOON)
        x, y, width, height = (round(a * b) for a, b in zip(plume.truth.smoke_box, (*SIZE, *SIZE), strict=True))
        seen[darkness] = plume.image[y : y + height, x : x + width].mean()

    assert seen[0.0] > seen[1.0] + 20


def test_smoke_of_elsewhere_drifts_in() -> None:
    """Smoke of a fire out of sight is smoke in the truth, comes in at the far end and reaches the camera's side later."""
    drifting = scene(SceneEvent("smoke_drift", 0.0), layout="aisle")
    early, late = (drifting.render(t_s, NOON).truth for t_s in (12.0, 60.0))

    assert 0 < early.smoke_density < late.smoke_density
    assert late.smoke_box[2] * late.smoke_box[3] > early.smoke_box[2] * early.smoke_box[3]


@pytest.mark.parametrize("kind", ["steam", "dust", "cigarette", "fog", "welding"])
def test_what_looks_like_smoke_is_none(kind: str) -> None:
    """Steam, dust and fume change the picture and are never smoke in the truth."""
    shown = scene(SceneEvent(kind, 0.0), layout="aisle").render(40.0, NOON)

    assert shown.truth.smoke_density == 0
    assert shown.truth.smoke_box is None


def test_a_welding_arc_comes_and_goes() -> None:
    """Within seconds the arc is blinding and out again; the camera's gain falls while it burns."""
    welding = scene(SceneEvent("welding", 0.0), layout="corner")
    brightest = [welding.render(t_s, EVENING).image[50:, 100:].max(axis=2) for t_s in np.arange(5.0, 25.0, 1.0)]
    blinded = [int((part >= 250).sum()) for part in brightest]

    assert max(blinded) > 8
    assert min(blinded) < max(blinded) / 4


def test_night_mode_by_mistake_is_grey() -> None:
    """A camera that switches to night mode in lamp light sends grey pictures and comes back."""
    switching = scene(SceneEvent("infrared", 10.0, 20.0), layout="aisle")
    grey, colour = switching.render(15.0, EVENING).image, switching.render(25.0, EVENING).image

    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert not np.array_equal(colour[..., 0], colour[..., 2])


def test_bikes_are_of_many_sizes() -> None:
    """Among parked bikes there are scooters, light e-bikes and bicycles, from small to large."""
    shapes = [parked(seed) for seed in range(60)]
    lengths = sorted({round(length, 2) for _, length, _ in shapes})

    assert lengths[-1] - lengths[0] > 0.25
    assert len({len(mesh) for mesh, _, _ in shapes}) > 10
    assert 30 < sum(is_scooter(seed) for seed in range(60)) < 60


def test_smoke_thins_after_its_end() -> None:
    """When the source stops the air clears slowly."""
    ended = scene(SceneEvent("smoke", 0.0, 60.0, place="bay-3"))
    at_end, later, much_later = (ended.render(t_s, NOON).truth.smoke_density for t_s in (60.0, 120.0, 900.0))

    assert at_end > later > much_later
    assert much_later < 0.02


def test_flames_are_bright_and_in_their_bay() -> None:
    """Flames overexpose a spot above their bay, flicker, and light what is around them."""
    burning, calm = scene(SceneEvent("flame", 10.0, place="bay-3"), layout="aisle"), scene(layout="aisle")
    assert not burning.render(9.9, EVENING).truth.flame_visible

    fire = burning.render(30.0, EVENING)
    assert fire.truth.flame_visible
    x, y, width, height = (round(a * b) for a, b in zip(fire.truth.flame_box, (*SIZE, *SIZE), strict=True))
    flames = fire.image[y : y + height, x : x + width]
    assert flames.max(axis=2).max() > 240
    assert (zone_mask("aisle", "bay-3")[y : y + height + 2, x : x + width]).any()
    assert fire.image.mean() > calm.render(30.0, EVENING).image.mean() + 2
    assert fire.truth.flame_box != burning.render(30.2, EVENING).truth.flame_box


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["bike_parked", "bicycle_parked", "junk"])
def test_an_obstacle_stands_in_the_corridor(layout: str, kind: str) -> None:
    """A parked bike or junk is an obstacle from start to end, seen in the corridor's zone, and narrows the way."""
    blocked = scene(SceneEvent(kind, 30.0, 200.0), layout=layout)
    before, during, after = (blocked.render(t_s, NOON).truth for t_s in (29.0, 60.0, 230.0))

    assert not before.blocked
    assert not after.blocked
    assert during.blocked
    assert during.free_width_m < before.free_width_m - 0.3
    obstacle = next(thing for thing in during.objects if thing.obstacle)
    mask = obstacle.mask()
    assert mask.shape == SIZE[::-1]
    assert mask.sum() > 60
    # Its foot stands on the corridor's floor, whatever its top covers behind it.
    foot = np.flatnonzero(mask.any(axis=1))[-1]
    assert zone_mask(layout, "corridor")[foot - 1][mask[foot]].any()
    assert (mask & zone_mask(layout, "corridor")).sum() > 0.25 * mask.sum()


def test_a_parked_bike_was_pushed_in_by_somebody() -> None:
    """Before it stands, the bike and a person are on the way; a passing bike is no obstacle."""
    arriving = scene(SceneEvent("bike_parked", 30.0))
    nobody = scene()
    kinds = [thing.kind for thing in arriving.render(28.0, NOON).truth.objects]
    usual = [thing.kind for thing in nobody.render(28.0, NOON).truth.objects]

    assert kinds.count("bike") == usual.count("bike") + 1
    assert kinds.count("person") == usual.count("person") + 1


def test_the_obstacle_is_in_the_picture() -> None:
    """Pixels of the mask differ from the same shed without the bike, those far from it do not."""
    with_bike = scene(SceneEvent("bike_parked", 0.0), seed=4).render(80.0, NOON)
    without = scene(seed=4).render(80.0, NOON)
    mask = next(thing for thing in with_bike.truth.objects if thing.obstacle).mask()
    changed = difference(with_bike.image, without.image)

    assert np.median(changed[mask]) > 12
    far = ~cv2.dilate(mask.astype(np.uint8), np.ones((45, 45))).astype(bool)
    assert np.percentile(changed[far], 95) < 12


def test_a_standing_person_is_not_an_obstacle() -> None:
    """Somebody standing in the corridor is in the truth as a person and leaves the corridor free."""
    standing = scene(SceneEvent("person_stands", 0.0, 60.0), layout="aisle").render(30.0, NOON).truth

    assert "person" in [thing.kind for thing in standing.objects]
    assert not standing.blocked


def test_light_follows_hour_and_switches() -> None:
    """Day, lamps and infrared follow the hour; a lamp switched off turns to infrared after a moment, grey and all."""
    open_shed = scene()
    words = [open_shed.render(0.0, hour).truth.light for hour in (NOON, EVENING, NIGHT)]
    switched = scene(SceneEvent("lamp_off", 10.0, 30.0))

    assert words == ["day", "lamps", "infrared"]
    assert switched.render(5.0, EVENING).truth.light == "lamps"
    night = switched.render(20.0, EVENING)
    assert night.truth.light == "infrared"
    assert np.array_equal(night.image[..., 0], night.image[..., 2])
    assert switched.render(40.0, EVENING).truth.light == "lamps"


def test_faults_look_like_faults() -> None:
    """Covered: hardly any detail. Dark: hardly any light. Blurred: soft edges. Moved: another view. All are named."""
    usual = scene().render(20.0, NOON).image
    pictures = {
        kind: scene(SceneEvent(kind, 10.0)).render(20.0, NOON) for kind in ("covered", "dark", "blurred", "moved")
    }
    detail = {kind: _detail(picture.image) for kind, picture in pictures.items()}

    assert all(picture.truth.faults == (kind,) for kind, picture in pictures.items())
    assert pictures["covered"].image.std() < usual.std() / 2
    assert pictures["dark"].image.mean() < 40
    assert detail["blurred"] < _detail(usual) / 2
    assert difference(pictures["moved"].image, usual).mean() > 25


def _detail(image: np.ndarray) -> float:
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (0, 0), 1.2)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_rendered_at_any_hour(kind: str) -> None:
    """Each kind of event gives a picture by day and by night and is over some time after its end."""
    event = SceneEvent(kind, 5.0, 15.0, place="bay-1" if kind in {"smoke", "flame"} else None)
    shown, plain = scene(event, layout="aisle"), scene(layout="aisle")
    pictures = [(shown.render(12.0, hour).image, plain.render(12.0, hour).image) for hour in (NOON, NIGHT)]

    assert all(image.shape == (108, 192, 3) for image, _ in pictures)
    if kind == "dropped":
        assert any(shown.lost(t_s) for t_s in np.arange(5.0, 15.0, 0.5))
        assert not any(shown.lost(t_s) for t_s in (4.9, 15.1))
        return
    assert not all(np.array_equal(image, usual) for image, usual in pictures)
    if kind not in {"smoke", "smoke_drift"}:
        assert difference(shown.render(200.0, NOON).image, plain.render(200.0, NOON).image).mean() < 2


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (SceneEvent("earthquake", 1.0), "earthquake"),
        (SceneEvent("smoke", 1.0, place="bay-99"), "bay-99"),
        (SceneEvent("junk", 5.0, 5.0), "end_s"),
        (SceneEvent("rain", 5.0, strength=0.0), "strength"),
        (SceneEvent("smoke", 5.0, darkness=1.5), "darkness"),
    ],
)
def test_nonsense_is_refused(event: SceneEvent, words: str) -> None:
    """Unknown kinds, unknown bays, events that end before they start: an error that names what is wrong."""
    with pytest.raises(SceneError, match=words):
        scene(event)


def test_unknown_layout_and_tiny_pictures_are_refused() -> None:
    """A layout that does not exist and a picture too small to draw are errors."""
    with pytest.raises(SceneError, match="garage"):
        CameraScene("garage", 1)
    with pytest.raises(SceneError, match="too small"):
        CameraScene("row", 1, 64, 36)


def test_encoding_is_jpeg_and_checked() -> None:
    """`encode` makes a JPEG that decodes to the same size; quality decides its weight; nonsense is refused."""
    image = scene().render(0.0, NOON).image
    small, large = encode(image, 40), encode(image, 95)

    assert small[:2] == b"\xff\xd8"
    assert len(small) < len(large)
    assert cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR).shape == image.shape
    with pytest.raises(ValueError, match="quality"):
        encode(image, 0)
    with pytest.raises(ValueError, match="picture"):
        encode(image[..., 0])


@pytest.mark.slow
def test_a_calm_day_has_life_but_no_truth_of_danger() -> None:
    """Over hours without events people and bikes come and go, and nothing is ever smoke, flame or obstacle."""
    calm = scene(layout="aisle")
    truths = [calm.render(t_s, 7.5 + t_s / 3600).truth for t_s in range(0, 14_400, 240)]

    assert any(thing.kind == "person" for truth in truths for thing in truth.objects)
    assert len({sum(thing.kind == "bike" for thing in truth.objects) for truth in truths}) > 1
    assert not any(truth.blocked or truth.flame_visible or truth.smoke_density for truth in truths)
