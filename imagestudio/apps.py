from django.apps import AppConfig


class ImageStudioConfig(AppConfig):
    name = "imagestudio"
