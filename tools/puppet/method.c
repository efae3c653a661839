#include "puppet/method.h"

#include <string.h>

static const pup_method_info methods[PUP_METHODS] = {
    [PUP_REAL] = {.name = "real", .modify_type = "real"},
    [PUP_WORD_AUDIO] = {.name = "word_audio", .modify_type = "audio_modified", .audio_model = "puppet-splice"},
    [PUP_WORD_MOUTH] = {.name = "word_mouth", .modify_type = "visual_modified", .video_model = "puppet-lipsync"},
    [PUP_WORD_BOTH] = {.name = "word_both",
                       .modify_type = "both_modified",
                       .audio_model = "puppet-splice",
                       .video_model = "puppet-lipsync"},
    [PUP_SHIFT] = {.name = "shift", .modify_type = "audio_modified", .audio_model = "puppet-shift"},
    [PUP_VOICE] = {.name = "voice", .modify_type = "audio_modified", .audio_model = "puppet-vocoder"},
    [PUP_FACE] = {.name = "face", .modify_type = "visual_modified", .video_model = "puppet-faceswap"},
};

const pup_method_info *pup_method_get(pup_method method)
{
    return &methods[method];
}

pup_method pup_method_find(const char *name, size_t length)
{
    for (pup_method m = PUP_WORD_AUDIO; m < PUP_METHODS; m++)
        if (strlen(methods[m].name) == length && strncmp(methods[m].name, name, length) == 0)
            return m;
    return PUP_METHODS;
}
